#!/bin/sh
# Replaces the backends of a pool one after another, without a failed request:
#
#     deploy.sh <pool> <command> [<argument>...]
#
# The command is called with the address of an endpoint as its last argument. It replaces what runs
# there, and ends when the new version accepts connections. If anything fails, the script stops: the
# endpoint at which it failed stays drained, and those that follow keep the old version.
#
# CADDY is the Caddy to call, by default "caddy", and CADDY_ADMIN the address of the admin endpoint,
# as for Caddy itself. PATIENCE is how long requests may take to end, and a new version to be usable.
# A new version must then be usable for as long as STABLE, which is longer than the health checks of
# the pool need to notice that it fails.
set -eu
[ $# -ge 2 ] || { echo "usage: deploy.sh <pool> <command> [<argument>...]" >&2; exit 1; }
pool=$1
shift
: "${PATIENCE:=1m}" "${STABLE:=5s}"

pools() { "${CADDY:-caddy}" pools "$@"; }

endpoints=$(pools show "$pool" --quiet)
for endpoint in $endpoints; do
	# Exits with 7 if no other endpoint could take the requests.
	pools drain "$pool" "$endpoint" --reason deploy
	pools wait "$pool" "$endpoint" --idle --timeout "$PATIENCE"
	"$@" "$endpoint"
	# What is known of the old version says nothing about the new one.
	pools reset "$pool" "$endpoint"
	# Unlike ready, this leaves what comes later to the source. It ends what an operator set before
	# the deployment, too.
	pools clear "$pool" "$endpoint"
	pools wait "$pool" "$endpoint" --stable "$STABLE" --timeout "$PATIENCE"
done
