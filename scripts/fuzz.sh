#!/usr/bin/env bash
# `make fuzz`: every fuzz target for FUZZ_SECONDS each, from seeds that the testkit makes. A finding stops the run and
# names its file; `FUZZ_TARGETS` names fewer targets.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${FUZZ_SECONDS:-120}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  echo "cargo-fuzz is missing: rustup toolchain install nightly && cargo install cargo-fuzz" >&2
  exit 1
fi
cargo +nightly run --quiet --example seeds
for target in ${FUZZ_TARGETS:-$(cargo +nightly fuzz list)}; do
  echo "== $target, $seconds s"
  cargo +nightly fuzz run "$target" -- \
    -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=4096 -print_final_stats=1
done
