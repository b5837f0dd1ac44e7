#!/usr/bin/env bash
# `make bench-capture`: live capture beside tcpdump, at several rates, on a cable between two network namespaces.
#
#   BENCH_RATES="1000 10000 50000 200000"   packets per second
#   BENCH_SECONDS=10                        of each run
#   BENCH_RUNS=3                            runs of which the one with the least CPU time counts
#   BENCH_PROFILE=release                   of cargo
#   BENCH_WRITE=1                           puts the table into docs/performance.md
#
# Ours captures into the wire core (sessions, HTTP exchanges); tcpdump writes packets to /dev/null, from a ring of the same
# size. Both run one after the other under the same load. Needs root. Prints a table; exit 1 when what was sent is neither
# captured nor counted as dropped. CPU is user and system time of the process, in percent of one core; what the kernel spends
# on filling rings is the sender's for both.
set -euo pipefail
cd "$(dirname "$0")/.."
rates=${BENCH_RATES:-1000 10000 50000 200000} seconds=${BENCH_SECONDS:-10} runs=${BENCH_RUNS:-3}
profile=${BENCH_PROFILE:-release} target=${CARGO_TARGET_DIR:-target}

if [ "$(id -u)" != 0 ]; then
  echo "network namespaces and packet sockets need root" >&2
  exit 4
fi
cargo build --quiet --profile "$profile" --package arachne-capture --example live
folder=$profile; [ "$profile" = dev ] && folder=debug
scratch=$(mktemp -d) near=ara-near-$$ far=ara-far-$$
cleanup() {
  for namespace in "$near" "$far"; do ip netns del "$namespace" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap cleanup EXIT
# A build in the meantime does not change what is measured.
cp "$target/$folder/examples/live" "$scratch/live"

ip netns add "$near"; ip netns add "$far"
ip -n "$near" link add name near type veth peer name far netns "$far"
ip -n "$near" addr add 10.9.0.1/24 dev near; ip -n "$near" link set dev near up
ip -n "$far" addr add 10.9.0.2/24 dev far; ip -n "$far" link set dev far up
ip netns exec "$near" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
# The sender's socket waits for its link layer address only once.
until ip netns exec "$near" "$scratch/live" send 10 1 >/dev/null 2>&1; do sleep 0.2; done

# One run: name, rate, command. Leaves CPU seconds and resident KiB in $scratch/cost, output in $scratch/out.
run() {
  local rate=$1; shift
  /usr/bin/time -o "$scratch/cost" -f '%U %S %M' timeout -s INT "$((seconds + 4))" \
    ip netns exec "$far" "$@" >"$scratch/out" 2>"$scratch/err" &
  local pid=$!
  sleep 1
  ip netns exec "$near" "$scratch/live" send "$rate" "$seconds" >"$scratch/sent"
  wait "$pid" || true
}

number() { grep -oE "\"$1\":[0-9]+" "$2" | grep -oE '[0-9]+$'; }

# Puts the better of this run and the one before into a file: cpu% rss sent packets drops exchanges.
keep() {
  local file=$1 packets=$2 drops=$3 exchanges=$4
  read -r user system rss < <(tail -n 1 "$scratch/cost")
  local cpu; cpu=$(awk -v u="$user" -v s="$system" -v t="$seconds" 'BEGIN { printf "%.1f", 100 * (u + s) / t }')
  if [ ! -s "$file" ] || awk -v a="$cpu" -v b="$(cut -d' ' -f1 "$file")" 'BEGIN { exit !(a < b) }'; then
    echo "$cpu $((rss / 1024)) $(number sent "$scratch/sent") $packets $drops $exchanges" >"$file"
  fi
}

report=$scratch/report
{
  cpu=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)
  echo "Measured $(date +%F) at commit $(git rev-parse --short HEAD), profile $profile, on $(nproc) × $cpu, Linux" \
    "$(uname -r); load average at the start $(cut -d' ' -f1-3 /proc/loadavg). The least CPU time of $runs runs of $seconds s."
  echo
  echo "| packets/s | program | sent | captured | kernel drops | CPU % of a core | RSS MiB | exchanges |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
} >"$report"
for rate in $rates; do
  rm -f "$scratch/ours" "$scratch/theirs"
  for _ in $(seq "$runs"); do
    run "$rate" "$scratch/live" capture "$((seconds + 3))"
    keep "$scratch/ours" "$(number handed_out "$scratch/out")" "$(number drops "$scratch/out")" "$(number exchanges "$scratch/out")"
    if [ "$(number packets "$scratch/out")" != "$(number sent "$scratch/sent")" ]; then
      echo "not exact: $(cat "$scratch/sent") but $(cat "$scratch/out")" >&2
      exit 1
    fi
    run "$rate" tcpdump -i any -n -B 16384 -s 0 -w /dev/null tcp
    keep "$scratch/theirs" "$(grep -oE '^[0-9]+ packets captured' "$scratch/err" | cut -d' ' -f1)" \
      "$(grep -oE '^[0-9]+ packets dropped by kernel' "$scratch/err" | cut -d' ' -f1)" –
  done
  for who in ours theirs; do
    read -r cpu rss sent packets drops exchanges <"$scratch/$who"
    name="**arachne**, ring and wire core"; [ "$who" = theirs ] && name="tcpdump -w /dev/null"
    echo "| $rate | $name | $sent | $packets | $drops | $cpu | $rss | $exchanges |" >>"$report"
  done
done
cat "$report"
if [ -n "${BENCH_WRITE:-}" ]; then
  python3 scripts/bench/write_report.py "$report" docs/performance.md scripts/bench-capture.sh
fi
