#!/usr/bin/env bash
# `make bench-logs`: what a million lines of an access log cost here, beside `wc -l`, mtail, GoAccess and angle-grinder.
#
#   BENCH_LINES=1000000    lines of the generated file
#   BENCH_RUNS=3           runs of which the one with the least CPU time counts
#   BENCH_WRITE=1          puts the table into docs/performance.md
#   ARACHNE_SHARED         the folder with bench/make_access_log.py; ../shared when absent
#
# Programs that are not installed are left out. Memory with many URLs is measured on a file of one path per line. Exit 1 when
# a bar is missed: 0.5 CPU s and 30 MB for the full job, 1.0 CPU s for one anchored rule, 20 times mtail.
set -euo pipefail
cd "$(dirname "$0")/.."
lines=${BENCH_LINES:-1000000} runs=${BENCH_RUNS:-3}
shared=${ARACHNE_SHARED:-../shared} target=${CARGO_TARGET_DIR:-target}
generator=$shared/bench/make_access_log.py
if [ ! -f "$generator" ]; then
  echo "no $generator: set ARACHNE_SHARED" >&2
  exit 2
fi
cargo build --quiet --release --package arachne-aggregate --example logs
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp "$target/release/examples/logs" "$scratch/logs"
log=$scratch/access.log urls=$scratch/urls.log clean=$scratch/clean.log
python3 "$generator" "$log" --lines "$lines" --seed 1 >/dev/null
# mtail stops for good at a byte that is no UTF-8.
iconv -f utf-8 -t utf-8 -c "$log" >"$clean" || true
# A million URLs that no rule makes equal: a word of letters of its own in each.
python3 - "$urls" "$lines" <<'PY'
import sys
letters = "bcdfghjklmnpqrstvwxz"
with open(sys.argv[1], "w") as out:
    for number in range(int(sys.argv[2])):
        word, rest = "", number
        for _ in range(6):
            word, rest = word + letters[rest % 20] + "a", rest // 20
        out.write(f'1.2.3.4 - - [02/Mar/2026:12:{number // 60000 % 60:02}:{number // 1000 % 60:02} +0300] "GET /{word}/x HTTP/1.1" 200 10 "-" "-" 0.010 - [0.009] 10.0.0.1:80 {number:032x}\n')
PY
cat >"$scratch/access.mtail" <<'MTAIL'
histogram request_seconds by status buckets 0, 0.5, 1, 5
/" (?P<status>\d{3}) \d+ "[^"]*" "[^"]*" (?P<time>\d+\.\d+) / {
  request_seconds[$status] = $time
}
MTAIL

# The least CPU seconds per million lines and the resident MB of a command, after its name.
report=$scratch/report.tsv
measure() {
  local name=$1 file=$2 best=; shift 2
  cat "$file" >/dev/null
  for _ in $(seq "$runs"); do
    /usr/bin/time -o "$scratch/cost" -f '%U %S %M' "$@" >"$scratch/out" 2>"$scratch/err" || { cat "$scratch/err" >&2; return 1; }
    read -r user system rss < <(tail -n 1 "$scratch/cost")
    local cpu; cpu=$(awk -v u="$user" -v s="$system" -v n="$lines" 'BEGIN { printf "%.3f", (u + s) * 1e6 / n }')
    if [ -z "$best" ] || awk -v a="$cpu" -v b="${best%% *}" 'BEGIN { exit !(a < b) }'; then best="$cpu $((rss / 1024))"; fi
  done
  printf '%s\t%s\t%s\n' "$name" "${best%% *}" "${best##* }" >>"$report"
  echo "$name: $best" >&2
}
measure 'wc -l' "$log" wc -l "$log"
measure 'arachne: full access job' "$log" "$scratch/logs" access combined_plus "$log"
measure 'arachne: full access job, every URL another' "$urls" "$scratch/logs" access combined_plus "$urls"
measure 'arachne: one anchored rule' "$log" "$scratch/logs" rule "$log"
if command -v mtail >/dev/null; then
  measure 'mtail' "$clean" mtail --one_shot --logtostderr --stderrthreshold=ERROR --progs "$scratch/access.mtail" --logs "$clean"
fi
if command -v goaccess >/dev/null; then
  measure 'GoAccess' "$log" goaccess "$log" --no-global-config --log-format='%h - %^ [%d:%t %^] "%r" %s %b "%R" "%u" %T %^ [%^] %^' --date-format=%d/%b/%Y --time-format=%T -o "$scratch/goaccess.json"
fi
if command -v agrind >/dev/null; then
  measure 'angle-grinder' "$log" agrind -f "$log" '* | parse "\" * * \"*\" \"*\" * " as status, bytes, referer, agent, time | count, p95(time) by status'
fi

table=$scratch/table.md
{
  cpu=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)
  echo "Measured $(date +%F) at commit $(git rev-parse --short HEAD) on $(nproc) × $cpu, $lines generated lines, the least CPU time of" \
    "$runs runs; load average at the end $(cut -d' ' -f1-3 /proc/loadavg)."
  echo
  echo "| program | CPU s per million lines | MB | times the full job |"
  echo "| --- | --- | --- | --- |"
  awk -F'\t' 'NR == FNR { if ($1 == "arachne: full access job") full = $2; next } { printf "| %s | %s | %s | %.1f |\n", $1, $2, $3, $2 / full }' "$report" "$report"
} >"$table"
cat "$table"
if [ -n "${BENCH_WRITE:-}" ]; then
  python3 scripts/bench/write_report.py "$table" docs/performance.md scripts/bench-logs.sh
fi
awk -F'\t' '
  $1 == "arachne: full access job" { full = $2 }
  $1 ~ /full access job/ && ($2 > 0.5 || $3 > 30) { print "missed: " $1 " takes " $2 " s and " $3 " MB"; bad = 1 }
  $1 ~ /anchored rule/ && $2 > 1.0 { print "missed: " $1 " takes " $2 " s"; bad = 1 }
  $1 == "mtail" && $2 < 20 * full { print "missed: mtail takes " $2 / full " times as long"; bad = 1 }
  END { exit bad }' "$report" >&2
