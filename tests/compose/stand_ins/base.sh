#!/bin/sh
# The stand-in for the image that all others here are built from, where no image registry can be reached: Debian with
# its own Python 3.11, under the name that runtime/compose/Dockerfile asks for. Needs root, debootstrap and a running
# engine, and installs nothing on this machine. What the slim image of Docker Hub lacks (procps, curl) it lacks too.
#
#   sh tests/compose/stand_ins/base.sh
#   docker compose -f docker-compose.yml -f tests/compose/stand_ins/images.yml --profile demo build
set -eu
image=$(sed -n 's/^FROM //p' "$(dirname "$0")/../../../runtime/compose/Dockerfile")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=ca-certificates,python3.11,python3.11-venv,python3-pip bookworm "$folder" >&2
ln -s python3.11 "$folder/usr/bin/python"
# What this machine trusts the images trust: a package index may stand behind a certificate of its own.
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
echo "deb http://deb.debian.org/debian-security bookworm-security main" >> "$folder/etc/apt/sources.list"
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
tar -C "$folder" -c . | docker import --change 'ENV LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt' - "$image"
