#!/usr/bin/env bash
# `make bench-agent`: a whole agent, from the wire to the server, beside tcpdump; and what the service that it watches loses.
#
#   BENCH_LOADS="api:10000 web:50000"   mix and packets per second; api is an exchange in 2.9 packets, web in 15
#   BENCH_SECONDS=10  BENCH_RUNS=2      of each run; runs of which the one with the least CPU time counts
#   BENCH_PAIRS=20                      times with nobody, the agent, tcpdump watching nginx
#   BENCH_WRITE=1                       puts the tables into docs/performance.md
#
# Needs root, nginx, wrk, tcpdump. Prints tables; exit 1 when what was sent is neither captured nor counted as dropped. CPU is user and
# system time of the agent's processes, in percent of one core; what the kernel spends on filling rings is the sender's for both.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
if [ "$(id -u)" != 0 ]; then
  echo "network namespaces and packet sockets need root" >&2
  exit 4
fi
cargo build --release --quiet --package arachne-cli
cargo build --release --quiet --package arachne-capture --example live
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts/package-agent.sh "$scratch" >&2
# A build in the meantime does not change what is measured.
cp "$target/release/arachne" "$target/release/examples/live" "$scratch/"
code=0
python3 scripts/bench/agent_measure.py "$scratch/arachne" "$scratch/arachne-agent" "$scratch/live" "$scratch/report.md" || code=$?
if [ -d ui/node_modules ]; then
  (echo; ARACHNE="$scratch/arachne" npm --prefix ui run --silent bench:screen) >>"$scratch/report.md"
fi
cat "$scratch/report.md"
if [ -n "${BENCH_WRITE:-}" ] && [ "$code" = 0 ]; then
  python3 scripts/bench/write_report.py "$scratch/report.md" docs/performance.md scripts/bench-agent.sh
fi
exit "$code"
