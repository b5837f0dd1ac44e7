#!/usr/bin/env bash
# The overview's 40 panels in one batch, over a day of points each 10 s and over 30 days of points each minute.
# Bars: 24 h by 30 s in 500 ms, 30 days by the hour in 1 s. SERIES, RUNS, DAY_HOURS and MONTH_HOURS change the size, BENCH_DEBUG=1 the build.
set -euo pipefail
cd "$(dirname "$0")/.."
series=${SERIES:-2000} runs=${RUNS:-5} day=${DAY_HOURS:-24} month=${MONTH_HOURS:-720}
if [ -n "${BENCH_DEBUG:-}" ]; then build=debug release=; else build=release release=--release; fi
cargo build --quiet $release --package arachne-store-parquet --example carpet_bench
bench=${CARGO_TARGET_DIR:-target}/$build/examples/carpet_bench
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
"$bench" fill "$data/day" "$day" "$series" 10
"$bench" ask "$data/day" "$day" 30 "$runs"
"$bench" ask "$data/day" "$day" 60 "$runs"
"$bench" fill "$data/month" "$month" "$series" 60
"$bench" ask "$data/month" "$month" 3600 "$runs"
