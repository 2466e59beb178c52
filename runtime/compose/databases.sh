#!/bin/sh
# Runs once, in the empty server of docker-compose.yml: a database and an owner, who is no superuser, for each service.
set -eu
database() {  # name, password, what else the owner may
    psql --set=ON_ERROR_STOP=1 --set=name="$1" --set=secret="$2" --username "$POSTGRES_USER" --dbname postgres <<SQL
create role :"name" login $3 password :'secret';
create database :"name" owner :"name";
revoke all on database :"name" from public;
SQL
}
database chairside "$WAREHOUSE_PASSWORD" createrole
database airflow "$AIRFLOW_DB_PASSWORD" nocreaterole
database superset "$SUPERSET_DB_PASSWORD" nocreaterole
database metabase "$METABASE_DB_PASSWORD" nocreaterole
