#!/bin/sh
# Makes a random secret for each that compose.yaml names and that is not there yet.
#
# The containers run as users of their own, so the files are readable by all; the folder is not.
set -eu
folder=$(dirname "$0")/secrets
mkdir -p "$folder"
chmod 700 "$folder"
for name in mqtt_password influx_token influx_password grafana_password; do
    [ -e "$folder/$name" ] && continue
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$folder/$name"
    chmod 444 "$folder/$name"
    echo "made $folder/$name"
done
