#!/usr/bin/env bash
# `make soak`: what takes longer than CI.
#
#   SOAK_BYTES=10G      length of the stream that is read with bounded memory
#   SOAK_FILES=5000     damaged files that are read without a crash
#   SOAK_SEED=1         first seed; a failure prints the seed that shows it again
#
# Prints dated facts, to be kept in docs/. Exit 1 at the first thing that is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
bytes=${SOAK_BYTES:-10G} files=${SOAK_FILES:-5000} seed=${SOAK_SEED:-1}
memory_kb_max=$((150 * 1024))

cargo build --release --quiet --package arachne-cli --package arachne-testkit
bin=${CARGO_TARGET_DIR:-target}/release
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

echo "date $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD), $(nproc) cores, $(uname -rm)"

# --- a long stream: all exchanges, bounded memory ---------------------------------------------------------------------
mkfifo "$tmp/stream" "$tmp/rows"
"$bin/testkit" stream --bytes "$bytes" --seed "$seed" >"$tmp/stream" 2>"$tmp/facts" &
maker=$!
start=$(date +%s)
wc -l <"$tmp/rows" >"$tmp/lines" &
counter=$!
# A plain command, so that the process that is watched is arachne and not a shell around it.
"$bin/arachne" read --format ndjson --decode never - <"$tmp/stream" >"$tmp/rows" 2>"$tmp/errors" &
reader=$!
peak=0 watched=
while kill -0 "$reader" 2>/dev/null; do
  # VmHWM only grows, so the last look at arachne itself is the highest.
  if [ "$(cat "/proc/$reader/comm" 2>/dev/null || true)" = arachne ]; then
    now=$(awk '/^VmHWM/ { print $2 }' "/proc/$reader/status" 2>/dev/null || true)
    peak=${now:-$peak} watched=yes
  fi
  sleep 0.2
done
wait "$reader" || fail "arachne read ended with $?: $(tail -3 "$tmp/errors")"
wait "$maker" || fail "testkit stream ended with $?"
wait "$counter"
[ -n "$watched" ] || fail "arachne ended before its memory was seen: make SOAK_BYTES larger"
wanted=$(awk '/^exchanges/ { print $2 }' "$tmp/facts") found=$(cat "$tmp/lines")
echo "stream $bytes: $found exchanges in $(($(date +%s) - start)) s, VmHWM $peak kB"
[ "$found" = "$wanted" ] || fail "$wanted exchanges were made, $found were read"
[ "$peak" -le "$memory_kb_max" ] || fail "VmHWM $peak kB is over $memory_kb_max kB"

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
