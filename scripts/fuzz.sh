#!/usr/bin/env bash
# `make fuzz`: every fuzz target for FUZZ_SECONDS each, from its seeds. A finding stops the run and names its file.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-120}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  echo "cargo-fuzz is missing: rustup toolchain install nightly && cargo install cargo-fuzz" >&2
  exit 1
fi
for target in $(cd fuzz && cargo +nightly fuzz list); do
  echo "== $target, $seconds s"
  mkdir -p "fuzz/corpus/$target"
  seeds=()
  if [ -d "fuzz/seeds/$target" ]; then seeds=("seeds/$target"); fi
  (cd fuzz && cargo +nightly fuzz run "$target" "corpus/$target" "${seeds[@]}" -- \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1)
done
