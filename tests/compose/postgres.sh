#!/bin/sh
# What the real image's entrypoint does with the variables that docker-compose.yml sets.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/data
install --directory --owner postgres /var/run/postgresql
chown postgres: "$data"
as_postgres() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
if [ ! -e "$data/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" > /tmp/password
    as_postgres "$bin/initdb" --pgdata "$data" --username "$POSTGRES_USER" --pwfile /tmp/password --auth-host scram-sha-256
    echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
    echo "create database $POSTGRES_DB" | as_postgres "$bin/postgres" --single -D "$data" postgres
fi
exec setpriv --reuid postgres --regid postgres --clear-groups "$bin/postgres" -D "$data" -c "listen_addresses=*"
