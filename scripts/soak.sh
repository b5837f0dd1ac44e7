#!/usr/bin/env bash
# `make soak`: what takes longer than CI.
#
#   SOAK_BYTES=10G      length of the stream that is read with bounded memory
#   SOAK_DIVISOR=1      makes the floods so many times smaller, to try this script
#   SOAK_FILES=5000     damaged files that are read without a crash
#   SOAK_RELOADS=1000   changes of the configuration under load, every second one broken
#   SOAK_KILLS=500      rounds of kill -9 over agent and server (root)
#   SOAK_SPIKES=10      spikes of load over an agent (root)
#   SOAK_ROTATIONS=1000 rotations of a log that is read, with a tenth as many kills of its reader
#   SOAK_SEED=1         first seed; a failure prints the seed that shows it again
#
# Prints dated facts, kept in docs/soak.md. Exit 1 at the first thing that is wrong.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/.."
bytes=${SOAK_BYTES:-10G} files=${SOAK_FILES:-5000} seed=${SOAK_SEED:-1}

cargo build --release --quiet --package arachne-cli --package arachne-testkit
bin=${CARGO_TARGET_DIR:-target}/release
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

echo "date $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD), $(nproc) cores, $(uname -rm)"

# --- a long stream and floods: all exchanges, bounded memory ----------------------------------------------------------
floods="${ARACHNE_SHARED:-../shared}/hostile/tools/big.py"
if [ ! -f "$floods" ]; then
  echo "skipped: no maker of floods at $floods" >&2
  floods=
fi
python3 scripts/bench/floods.py "$bin/arachne" "$bin/testkit" "$bytes" ${floods:+"$floods"} || fail "see the last column"

# --- damaged files: an answer or a named error, never a crash --------------------------------------------------------
shopt -s nullglob globstar
gzip -dc fixtures/demo.pcapng.gz >"$tmp/demo.pcapng"
inputs=("$tmp/demo.pcapng" "${ARACHNE_SHARED:-../shared}"/captures/**/*.pcap*)
for ((n = 0; n < files; n++)); do
  input=${inputs[n % ${#inputs[@]}]} own=$((seed + n))
  "$bin/testkit" mutate "$input" "$tmp/damaged" --seed "$own" --changes $((1 + n % 40))
  code=0
  timeout 20 "$bin/arachne" read --format ndjson "$tmp/damaged" >/dev/null 2>"$tmp/errors" || code=$?
  case $code in
    0 | 6) ;;
    *) fail "exit $code: testkit mutate $input OUT --seed $own --changes $((1 + n % 40)): $(tail -2 "$tmp/errors")" ;;
  esac
  if grep -q "panicked at" "$tmp/errors"; then fail "a panic: $input --seed $own --changes $((1 + n % 40))"; fi
done
echo "damaged files: $files read from ${#inputs[@]} captures, seeds $seed to $((seed + files - 1)), no crash"

# --- ten times the input costs about ten times the time ---------------------------------------------------------------
COST_FACTOR_MAX=${COST_FACTOR_MAX:-13} cargo test --release --quiet --package arachne-wire --test it cost -- --test-threads 1 ||
  fail "a cost that is not linear"

# --- the configuration changes under load: no request fails -----------------------------------------------------------
ARACHNE_RELOADS=${SOAK_RELOADS:-1000} cargo test --release --quiet --package arachne-cli --test it reloads_under_load -- --nocapture ||
  fail "a request during a reload"

# --- agents: killed at random nothing is lost or comes twice; after each spike everything is as before -----------------
[ "$(id -u)" = 0 ] || fail "agents capture with root's rights: without them their rounds would be skipped"
ARACHNE_KILLS=${SOAK_KILLS:-500} ARACHNE_SEED=$seed ARACHNE_SPIKES=${SOAK_SPIKES:-10} ARACHNE_RELOADS=${SOAK_RELOADS:-1000} \
  cargo test --release --quiet --package arachne-cli --test it site:: -- --nocapture --test-threads 1 || fail "live agents"

# --- a log that is rotated, and its reader killed: each line once ----------------------------------------------------------
ARACHNE_ROTATIONS=${SOAK_ROTATIONS:-1000} ARACHNE_LOG_KILLS=$((${SOAK_ROTATIONS:-1000} / 10)) ARACHNE_SEED=$seed \
  cargo test --release --quiet --package arachne-agent --test it logs::rotated -- --nocapture || fail "a rotated log"
