#!/bin/sh
# Runs once, in the empty server of docker-compose.yml: the two databases and their owners, who are no superusers.
set -eu
psql --set=ON_ERROR_STOP=1 --set=secret="$WAREHOUSE_PASSWORD" --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role chairside login createrole password :'secret';
create role airflow login password :'secret';
create database chairside owner chairside;
create database airflow owner airflow;
revoke all on database chairside, airflow from public;
SQL
