#!/usr/bin/env bash
# `make demo`: builds arachne and shows what it makes of a real capture. Installs a C compiler where it is missing and
# may be installed; Rust itself comes from rustup, which is the user's decision.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo >/dev/null; then
  echo "Rust is missing: install it with rustup (1.95 or newer), then run \`make demo\` again." >&2
  exit 1
fi
if ! command -v cc >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing a C compiler (build-essential)" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends build-essential >/dev/null
  else
    echo "a C compiler is missing: install build-essential (Debian) or the like" >&2
    exit 1
  fi
fi

echo "building arachne (release)" >&2
cargo build --release --quiet --package arachne-cli
target=${CARGO_TARGET_DIR:-target}

cat <<'T'

A shop behind nginx, seen from the client's end of a wire that loses packets: pages with all that belongs to them, JSON
calls, a slow picture, a payment service that never answers (504 after 1.5 s), a stock service that is down (502).
Notes say what was odd below: segments sent again, for example.

$ arachne read fixtures/demo.pcapng.gz

T
"$target/release/arachne" read fixtures/demo.pcapng.gz
cat <<'T'

nginx's own log of the same minutes counted, as METHOD STATUS COUNT:

T
sed 's/^/  /' fixtures/demo.expected
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
arachne() { "$target/release/arachne" "$@" --data "$data"; }
show() { printf '\n$ arachne %s\n\n' "$*"; }

cat <<'T'

Kept in a store (here one that is thrown away), it answers questions:
T
show import fixtures/demo.pcapng.gz
arachne import fixtures/demo.pcapng.gz
show "query 'status:>=500'"
arachne query 'status:>=500'
show "query '' --histogram 1s --by class"
arachne query '' --histogram 1s --by class
show "query '' --by template --rank duration --limit 5"
arachne query '' --by template --rank duration --limit 5
show 'sql "select http_response_status_code as status, count(*) as n, max(duration) as longest_ns from exchanges group by 1 order by 2 desc"'
arachne sql "select http_response_status_code as status, count(*) as n, max(duration) as longest_ns from exchanges group by 1 order by 2 desc"
cat <<'T'

Next:  arachne read FILE --format ndjson | jq 'select(."http.response.status_code" >= 500)'
       arachne import FILE && arachne serve          # the API, documented at http://127.0.0.1:7117/api/docs
T
