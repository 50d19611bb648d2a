#!/bin/sh
# Replaces the backend at an address: replace.sh <version> <address>. It stands for whatever starts
# your service, such as systemctl restart. A backend of this example is a Caddy that answers with
# its version. Without a version, the backend only stops.
set -eu
version=$1
address=$2
pid=${TMPDIR:-/tmp}/deploy-example-${address##*:}.pid
answers() { curl -s -o /dev/null "http://$address"; }

if [ -e "$pid" ]; then
	kill "$(cat "$pid")" 2>/dev/null || true
	rm "$pid"
	while answers; do sleep 0.1; done
fi
[ -n "$version" ] || exit 0
"${CADDY:-caddy}" respond --listen "$address" "$version" >/dev/null 2>&1 &
echo $! >"$pid"
until answers; do sleep 0.1; done
