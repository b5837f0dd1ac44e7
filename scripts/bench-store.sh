#!/usr/bin/env bash
# `make bench-store`: the embedded store beside DuckDB, chDB and pyarrow, on 10 million generated exchanges and on captures.
#
#   ARACHNE_BENCH_DATA=./bench-data   where the captures of `make bench` are; without them imports are left out
#   BENCH_ROWS=10000000               exchanges of the generated day
#   BENCH_RUNS=5  BENCH_IMPORTS=3     runs of which the best counts
#   BENCH_REUSE=1                     asks the store of the run before instead of filling a new one
#   BENCH_WRITE=1                     puts the tables into docs/performance.md
#
# The peers are Python packages, installed into a folder of the target directory: 1 GB. The generated store and the copies of
# it in the peers' own formats need 10 GB there. Prints tables. Exit 1 when answers differ; a missed bar is only said.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/.."
data=${ARACHNE_BENCH_DATA:-./bench-data} target=${CARGO_TARGET_DIR:-target}

cargo build --release --quiet --package arachne-store-parquet --example store_bench
cargo build --release --quiet --package arachne-cli

python=$target/bench-store/python
if [ ! -x "$python/bin/python" ]; then
  python3 -m venv "$python"
fi
"$python/bin/pip" install --quiet --disable-pip-version-check duckdb chdb pyarrow >&2

# A build in the meantime does not change what is measured.
scratch=$(realpath "$target/bench-store")
mkdir -p "$scratch/bin"
cp "$target/release/examples/store_bench" "$target/release/arachne" "$scratch/bin/"
report=$(mktemp)
trap 'rm -f "$report"' EXIT
code=0
"$python/bin/python" scripts/bench/store_measure.py "$scratch/bin" "$data" "$scratch" "$report" || code=$?
cat "$report"
if [ -n "${BENCH_WRITE:-}" ] && [ "$code" = 0 ]; then
  python3 scripts/bench/write_report.py "$report" docs/performance.md scripts/bench-store.sh
fi
exit "$code"
