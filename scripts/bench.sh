#!/usr/bin/env bash
# `make bench`: how fast, and how right, `arachne read` is on captures of a real nginx, beside what else is installed.
#
#   ARACHNE_BENCH_DATA=./bench-data   where the captures are, or are made (root; see the maker for the packages it needs)
#   ARACHNE_SHARED=../shared          where the makers of captures are
#   BENCH_RUNS=7  BENCH_PEER_RUNS=2   runs of which the best counts
#   BENCH_COPIES=0                    leaves out the peers on the copies, which take most of the time
#   BENCH_STAGES=1                    also the criterion benchmarks of every stage, some minutes
#   BENCH_WRITE=1                     puts the tables into docs/performance.md
#
# Prints tables. Exit 1 when what arachne read is not exact; a missed bar of speed is only said, since machines differ.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/.."
data=${ARACHNE_BENCH_DATA:-./bench-data} makers=${ARACHNE_SHARED:-../shared}/bench

cargo build --release --quiet --package arachne-cli --package arachne-testkit
bin=${CARGO_TARGET_DIR:-target}/release

# --- captures, made once ----------------------------------------------------------------------------------------------
mkdir -p "$data"
if [ ! -f "$data/http-1.log" ] || [ ! -f "$data/http-api.log" ]; then
  if [ ! -f "$makers/make_capture.sh" ]; then
    echo "no captures in $data and no maker of captures: set ARACHNE_BENCH_DATA or ARACHNE_SHARED" >&2
    exit 2
  fi
  bash "$makers/make_capture.sh" "$data" >&2
fi
for base in http-1 http-api; do
  if [ ! -f "$data/$base-reordered.pcap" ]; then
    python3 "$makers/reorder_capture.py" "$data/$base.pcap" "$data/$base-reordered.pcap" >&2
  fi
  if [ ! -f "$data/$base-wrapped.pcap" ]; then
    "$bin/testkit" wrap "$data/$base.pcap" "$data/$base-wrapped.pcap" >&2
  fi
done

# --- measurements -----------------------------------------------------------------------------------------------------
report=$(mktemp) binary=$(mktemp)
trap 'rm -f "$report" "$binary"' EXIT
cp "$bin/arachne" "$binary" # a build in the meantime does not change what is measured
chmod +x "$binary"
code=0
python3 scripts/bench/measure.py "$data" "$binary" "$report" || code=$?
cat "$report"
if [ -n "${BENCH_WRITE:-}" ] && [ "$code" = 0 ]; then
  python3 scripts/bench/write_report.py "$report" docs/performance.md scripts/bench.sh
fi
if [ -n "${BENCH_STAGES:-}" ]; then
  cargo bench --workspace
fi
exit "$code"
