#!/bin/sh
# Runs once in each empty Citus node of docker-compose.yml: the warehouse's database and its owner; in the coordinator,
# which knows CITUS_WORKERS, also the workers. Nodes trust each other on their own network, where nobody else is: a
# reader's session on the coordinator opens sessions of the same role on the workers, which have no password of his.
set -eu
{ echo "host all all ${CITUS_NETWORK:?} trust"; cat "$PGDATA/pg_hba.conf"; } > "$PGDATA/pg_hba.new"
mv "$PGDATA/pg_hba.new" "$PGDATA/pg_hba.conf"
psql --set=ON_ERROR_STOP=1 --set=secret="$WAREHOUSE_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role chairside login createrole password :'secret';
create database chairside owner chairside;
revoke all on database chairside from public;
select pg_reload_conf();
SQL
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname chairside --command 'create extension citus'
for worker in ${CITUS_WORKERS:-}; do
    psql --set=ON_ERROR_STOP=1 --set=worker="$worker" --username "$POSTGRES_USER" --dbname chairside <<'SQL'
select citus_add_node(:'worker', 5432);
SQL
done
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname chairside \
    --command 'alter database chairside set citus.enable_repartition_joins = on' \
    --command "alter database chairside set citus.multi_shard_modify_mode = 'sequential'"
