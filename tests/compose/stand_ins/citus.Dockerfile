# A Citus of one's own making on Debian's PostgreSQL 15, with the contract of the official image.
FROM postgres:18.1-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-common \
    && sed -ri 's/#(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/*
COPY . /
RUN printf "listen_addresses = '*'\nshared_preload_libraries = 'citus'\n" >> /usr/share/postgresql/15/postgresql.conf.sample \
    && install -d -o postgres -g postgres /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:$PATH \
    PG_MAJOR=15 \
    PGDATA=/var/lib/postgresql/data
