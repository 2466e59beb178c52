# No Metabase: it has no package. This one only answers the health check, so that the file's own words about the service
# (user, volume, port, limits, check) are tried.
FROM python:3.11.14-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /plugins /srv/api && chmod a+rwx /plugins && echo '{"status":"ok"}' > /srv/api/health
ENTRYPOINT ["python", "-m", "http.server", "3000", "--directory", "/srv"]
