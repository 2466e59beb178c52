# Debian's Redis 7.0 with the user and the folder of the official image.
FROM python:3.11.14-slim-bookworm
RUN groupadd --system --gid 999 redis \
    && useradd --system --gid 999 --uid 999 --home-dir /data redis \
    && install -d -o redis -g redis /data \
    && apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
VOLUME /data
WORKDIR /data
CMD ["redis-server"]
