#!/usr/bin/env bash
# `make bench-layers`: an agent with everything on, idle and at 2 000 requests/s: CPU and memory of each of its processes.
#
#   BENCH_SECONDS=60    of each phase      BENCH_RATE=2000   requests a second, about
#   BENCH_WRITE=1                          puts the table into docs/performance.md
#   BENCH_ARACHNE=FILE  BENCH_AGENT=FILE   programs that are there already, instead of building them
#
# Needs root, nginx, wrk, PostgreSQL. Exit 1 when a request is missing in what was captured or read from logs, or when the agent takes more
# than 5 % of a core or 64 MiB. Everything is: capture with bodies, nginx's log of requests, a rule over a second log of as many lines, the
# host, its processes and TCP connections, PostgreSQL with a load of its own, an HTTP check.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo "network namespaces and packet sockets need root" >&2
  exit 4
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -n "${BENCH_ARACHNE:-}" ] && [ -n "${BENCH_AGENT:-}" ]; then
  cp "$BENCH_ARACHNE" "$scratch/arachne"
  cp "$BENCH_AGENT" "$scratch/arachne-agent"
else
  cargo build --release --quiet --package arachne-cli
  scripts/package-agent.sh "$scratch" >&2
  # A build in the meantime does not change what is measured.
  cp "${CARGO_TARGET_DIR:-target}/release/arachne" "$scratch/"
fi
code=0
python3 scripts/bench/layers_measure.py "$scratch/arachne" "$scratch/arachne-agent" "$scratch/report.md" || code=$?
cat "$scratch/report.md"
if [ -n "${BENCH_WRITE:-}" ] && [ "$code" = 0 ]; then
  python3 scripts/bench/write_report.py "$scratch/report.md" docs/performance.md scripts/bench-layers.sh
fi
exit "$code"
