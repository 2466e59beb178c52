#!/bin/sh
# Runs once in each empty Citus node of docker-compose.yml: the warehouse's database and its owner; in the coordinator,
# which knows CITUS_WORKERS, also the workers. Nodes trust each other on their own network, where nobody else is: a
# reader's session on the coordinator opens sessions of the same role on the workers, which have no password of his. The
# machine they run on has an address there too, and with it every user of that machine: CITUS_HOST, which is let in nowhere.
set -eu
{
    echo "host all all ${CITUS_HOST:?}/32 reject"
    echo "host all all ${CITUS_NETWORK:?} trust"
    cat "$PGDATA/pg_hba.conf"
} > "$PGDATA/pg_hba.new"
mv "$PGDATA/pg_hba.new" "$PGDATA/pg_hba.conf"
sql() {
    psql --set=ON_ERROR_STOP=1 --set=secret="$WAREHOUSE_PASSWORD" --username "$POSTGRES_USER" --dbname "$1"
}
owner="create role chairside login createrole password :'secret';"
sql postgres <<'SQL'
create database chairside;
revoke all on database chairside from public;
select pg_reload_conf();
SQL
if [ -z "${CITUS_WORKERS:-}" ]; then
    echo "$owner" | sql postgres
fi
echo "create extension citus;" | sql chairside
for worker in ${CITUS_WORKERS:-}; do
    echo "select citus_add_node('$worker', 5432);" | sql chairside
done
if [ -n "${CITUS_WORKERS:-}" ]; then
    # After the workers, in this database: so Citus knows the role and its password as one of all nodes. One that it does
    # not know it would copy there with the rights of the owner, who may not.
    echo "$owner" | sql chairside
fi
sql chairside <<'SQL'
alter database chairside owner to chairside;
alter database chairside set citus.enable_repartition_joins = on;
alter database chairside set citus.multi_shard_modify_mode = 'sequential';
SQL
