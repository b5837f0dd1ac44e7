#!/usr/bin/env bash
# `make demo`: builds arachne, imports the recorded scene with its times moved to end now, and serves it until Ctrl-C.
#
#   PORT=7117   where on 127.0.0.1
#
# Needs Rust, a C compiler and Node 20 to build; once built, neither root nor a network. All data are in a temporary folder
# that is removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-7117}
fail() { printf '%s\n' "$@" >&2; exit 1; }

# --- what it takes ---------------------------------------------------------------------------------------------------
[[ $port =~ ^[0-9]{1,5}$ ]] && ((port > 0 && port < 65536)) || fail "PORT=$port is no port: take one from 1024 to 65535."
command -v cargo >/dev/null || fail "Rust is missing: install 1.95 or newer with rustup (https://rustup.rs), then run \`make demo\` again."
if ! command -v cc >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing a C compiler (build-essential)." >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends build-essential >/dev/null
  else
    fail "A C compiler is missing: install build-essential (Debian, Ubuntu) or the like, then run \`make demo\` again."
  fi
fi
if [ -z "${UI_DIST:-}${UI_SKIP:-}" ]; then
  node=$(node --version 2>/dev/null) || node=v0
  node=${node#v}
  if ((${node%%.*} < 20)) || ! command -v npm >/dev/null; then
    fail "Node 20 or newer with npm is needed to build the web UI ($([ "$node" = 0 ] && echo "none is there" || echo "here is $node"))." \
      "Install it from nodejs.org or your distribution, then run \`make demo\` again."
  fi
fi
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
! listens "$port" || fail "Port $port on 127.0.0.1 is taken: stop what listens there, or run \`make demo PORT=$((port + 1))\`."

# --- built once ------------------------------------------------------------------------------------------------------
target=${CARGO_TARGET_DIR:-target}
[ -x "$target/release/arachne" ] || echo "Building arachne: the first time this takes some minutes." >&2
cargo build --release --quiet --package arachne-cli

# --- the scene, as if it had just happened ---------------------------------------------------------------------------
data=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$data"
}
trap finish EXIT
trap 'exit 0' INT
trap 'exit 143' TERM
echo "Importing fixtures/scene.pcapng.zst: ten minutes of a small shop, and what agents collected beside packets, moved to end now." >&2
# The recording lost packets on purpose: said by the program, and no failure.
"$target/release/arachne" import --data "$data" --end-at now --full-packets --agent switch-1 --vantage between \
  fixtures/scene.pcapng.zst fixtures/scene.*.spool

# When the release was, in seconds before the last frame.
release=$(awk '$1 == "mark" && $2 == "release" { print $3 }' fixtures/scene.expected)
last=$("$target/release/arachne" sql --data "$data" --format csv "select extract(epoch from max(start)) from packets" | tail -1)

"$target/release/arachne" serve --data "$data" --listen "127.0.0.1:$port" 2>"$data/serve.log" &
server=$!
ready() { # whether the server says so
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$port" >&3
  local line; IFS= read -r line <&3; exec 3>&-
  [[ $line == *" 200 "* ]]
}
until ready 2>/dev/null; do
  kill -0 "$server" 2>/dev/null || { cat "$data/serve.log" >&2; fail "arachne serve ended; see above."; }
  sleep 0.1
done
"$target/release/arachne" mark --data "$data" --kind release --service shop.loom.internal \
  --at "$(awk -v last="$last" -v ago="$release" 'BEGIN { printf "%d", last - ago }')" "release 42" >/dev/null
cat <<T

  http://127.0.0.1:$port

  The overview has all layers, from browsers to disks. Some minutes ago bars turn red: click one, and follow a failed call from
  nginx through shop to pricing and to its bytes; "Database" tells what pricing waited for.
  A bit before, release 42 replaced 41 (header x-release); a bit after, the recorder lost packets, and says so.
  The map shows who talks to whom, /api/docs the API behind it all.

  Ctrl-C ends it and removes its data.

T
wait "$server" || { cat "$data/serve.log" >&2; fail "arachne serve ended; see above."; }
