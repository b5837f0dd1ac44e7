#!/usr/bin/env bash
# `make demo-live`: the small shop of the scene, run for real and watched live by agents, until Ctrl-C.
#
#   PORT=7117      where on 127.0.0.1
#   ARACHNE=FILE   a ready build of `arachne`, instead of one made here
#
# An agent stands on each of edge, shop-1, shop-2 and pricing-1 (network namespaces, scripts/scene/world.sh) and delivers to one
# `arachne serve`. Every four minutes a release is rolled out, and shortly after it a minute goes bad. Needs root, the Debian
# packages nginx-light, postgresql, nftables, iproute2, ethtool, python3, curl, and what `make demo` needs.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-7117}
fail() { printf '%s\n' "$@" >&2; exit 1; }

# --- what it takes ---------------------------------------------------------------------------------------------------
[ "$(id -u)" = 0 ] || fail "\`make demo-live\` makes network namespaces and captures on their cables, for which it needs root:" \
  "run \`sudo make demo-live\`, or \`make demo\`, which shows a recording and needs no rights."
declare -A packages=([nginx]=nginx-light [psql]=postgresql [nft]=nftables [ip]=iproute2 [ethtool]=ethtool [python3]=python3 [curl]=curl)
missing=()
for tool in "${!packages[@]}"; do command -v "$tool" >/dev/null || missing+=("${packages[$tool]}"); done
((${#missing[@]} == 0)) || fail "Missing: ${missing[*]}. Install them (apt-get install ${missing[*]}), then run \`make demo-live\` again."
! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
  fail "Port $port on 127.0.0.1 is taken: stop what listens there, or run \`make demo-live PORT=$((port + 1))\`."

# --- built once ------------------------------------------------------------------------------------------------------
arachne=$(realpath -m "${ARACHNE:-${CARGO_TARGET_DIR:-target}/release/arachne}")
if [ -z "${ARACHNE:-}" ]; then
  [ -x "$arachne" ] || echo "Building arachne: the first time this takes some minutes." >&2
  cargo build --release --quiet --package arachne-cli
fi
. scripts/scene/world.sh
world_build
server=''
finish() {
  kill -TERM "${agents[@]}" 2>/dev/null || true
  for agent in "${agents[@]}"; do wait "$agent" 2>/dev/null || true; done
  if [ -n "$server" ]; then kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  world_down 2>/dev/null
}
trap finish EXIT
trap 'exit 0' INT
trap 'exit 143' TERM

# --- the server ------------------------------------------------------------------------------------------------------
data=$tmp/data
# In a session of its own, as the agents are: Ctrl-C ends them in their order, agents first, not all at once.
setsid "$arachne" serve --data "$data" --listen "127.0.0.1:$port" 2>"$tmp/serve.log" &
server=$!
for _ in $(seq 100); do [ -S "$data/socket" ] && break; sleep 0.1; done
[ -S "$data/socket" ] || { cat "$tmp/serve.log" >&2; fail "arachne serve did not start; see above."; }

# --- the hosts and their agents --------------------------------------------------------------------------------------
world_hosts
world_services
world_agents "$data"
cat <<T

  http://127.0.0.1:$port

  A small shop is open, and four agents watch it. In a minute release 42 replaces 41 (header x-release); half a minute after
  that calls begin to fail. Click what is red. "Agents" shows what each agent sees, drops and costs.

  Ctrl-C ends it and removes its data.

T

mark() { # mark TEXT: a line on every axis
  curl -s -o /dev/null --unix-socket "$data/socket" -H 'content-type: application/json' -d "{\"text\": \"$1\", \"kind\": \"release\"}" \
    http://localhost/api/v1/marks || true
}

# --- what happens, over and over -------------------------------------------------------------------------------------
number=41
for ((round = 1; ; round++)); do
  visits 240 "$round"; visitors=${started[-1]}
  sleep 60; number=$((number + 1)); mark "release $number"; release "$number"
  sleep 27; bad_minute 40
  kill -0 "$server" 2>/dev/null || { cat "$tmp/serve.log" >&2; fail "arachne serve ended; see above."; }
  wait "$visitors" || true
done
