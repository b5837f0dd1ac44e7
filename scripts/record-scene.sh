#!/usr/bin/env bash
# Records the scene that `make demo` shows: a small shop on its good and bad minutes.
#
#   scripts/record-scene.sh [OUTDIR]        (default: fixtures/)
#
# OUTDIR/scene.pcapng.zst   what passed the switch between all hosts, each packet once
# OUTDIR/scene.expected     what nginx logged of the same time, and when what happened; see the end of this script
# OUTDIR/scene.AGENT.spool  what agents collected meanwhile beside packets: logs, browsers, PostgreSQL, the host
#
# Where it happens: scripts/scene/world.sh, with dumpcap at the switch. What happens, in shares of the time:
#
#   40 %  release 42 replaces 41, one instance of shop after the other (header x-release)
#   60 %  the bad minute: ops-1 imports new prices in one transaction that locks the table. pricing's five connections to the
#         database are soon all waiting; pricing answers 503 "connection pool exhausted" after 800 ms, shop gives each attempt
#         a second, tries three times, and then fails its own callers with 503 or 504
#   82 %  the recorder is stopped for some seconds: the kernel drops what does not fit into its buffer
#
# Needs root and the Debian packages nginx-light, postgresql, wireshark-common (dumpcap), tshark, nftables, iproute2, ethtool,
# python3, zstd, and Rust. SCENE_SECONDS (default 560) is the time in which visits begin; the last ones need half a minute.
# Run it again only when the demo should show something new: the recording is checked in.
set -euo pipefail
# Agents tell of processes: only those of the scene are to be seen.
if [ -z "${SCENE_ID:-}" ]; then SCENE_ID=$$ exec unshare --pid --fork --kill-child --mount-proc "$0" "$@"; fi
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
out=${1:-$here/fixtures} seconds=${SCENE_SECONDS:-560}
mkdir -p "$out"; out=$(cd "$out" && pwd)
. scripts/scene/world.sh
# Names of files are part of what is recorded: none of this machine. The mount is seen by the scene alone.
outside=$tmp
mkdir "$outside/loom"; chmod 755 "$outside/loom"
mount --bind "$outside" /srv
tmp=/srv/loom
arachne=$(realpath -m "${ARACHNE:-${CARGO_TARGET_DIR:-target}/release/arachne}")
[ -n "${ARACHNE:-}" ] || cargo build --release --quiet --package arachne-cli
world_build dumpcap tshark zstd curl
trap 'world_down; umount -l /srv; rmdir "$outside"' EXIT
world_hosts

# --- the recorder ----------------------------------------------------------------------------------------------------
# A small buffer, so that the gap comes soon when it is stopped.
start switch dumpcap -q -i br0 -B 1 -w "$tmp/raw.pcapng" 2>"$tmp/dumpcap.err"
sleep 1
recorder=${started[-1]}

world_services

# --- the agents ------------------------------------------------------------------------------------------------------
# A server tells them what to do, and goes: all that they collect stays in their spools.
data=$tmp/data
"$arachne" serve --data "$data" --listen 127.0.0.1:0 2>"$tmp/serve.log" &
server=$!
for _ in $(seq 100); do [ -S "$data/socket" ] && break; sleep 0.1; done
SCENE_AGENT='{"capture": false}' world_agents "$data"
sleep 8
kill -TERM "$server"; wait "$server" || true

# --- the scene -------------------------------------------------------------------------------------------------------
begin=$(date +%s.%N)
until_share() { # until_share PERCENT
  sleep "$(awk -v b="$begin" -v n="$(date +%s.%N)" -v s="$seconds" -v p="$1" 'BEGIN { t = b + s * p / 100 - n; print (t > 0 ? t : 0) }')"
}
visits "$seconds" 42
visitors=${started[-1]}

until_share 40
release_at=$(date +%s.%N)
release 42

until_share 60
lock_from=$(date +%s.%N)
lock_seconds=$(awk -v s="$seconds" 'BEGIN { t = s / 10; print (t > 55 ? 55 : t) }')
bad_minute "$lock_seconds"
lock_to=$(date +%s.%N)

until_share 82
stopped_at=$(date +%s.%N)
kill -STOP "$recorder"; sleep 6; kill -CONT "$recorder"
wait "$visitors"
sleep 1
kill -TERM "$recorder"; wait "$recorder" || true
kill -QUIT "$(cat "$tmp/nginx.pid")"; sleep 1
# The last windows.
sleep 20
kill -TERM "${agents[@]}"; wait "${agents[@]}" || true
agents=()

# --- what came of it -------------------------------------------------------------------------------------------------
name_hosts=(192.0.2.10=edge-1 2001:db8::10=edge-1 10.20.0.10=edge-1 10.20.0.21=shop-1 10.20.0.22=shop-2 10.20.0.31=pricing-1
  10.20.0.41=db-1 10.20.0.51=ops-1 203.0.113.11=haberdash.example 198.51.100.201=bot.example 203.0.113.200=probe.example)
python3 scripts/scene/name_hosts.py "$tmp/raw.pcapng" "$tmp/scene.pcapng" "${name_hosts[@]}"
zstd -q -f -19 --long=26 "$tmp/scene.pcapng" -o "$out/scene.pcapng.zst"
for agent in edge-1 shop-1 shop-2 pricing-1; do
  number=0
  for file in "$tmp/spool-$agent"/spool/*.spool; do number=$((number + 1)); install -m 644 "$file" "$out/scene.$agent.$number.spool"; done
done
cp "$tmp/access.log" "${SCENE_LOG:-/dev/null}"

# Facts, one per line:
#   frames N                                   in the recording
#   mark NAME FROM TO                          seconds before the last frame: release, lock, gap
#   client HOST STATUS COUNT GAP               what nginx answered; GAP of them, at most, are not in the recording
#   upstream ADDRESS STATUS COUNT GAP          what nginx was answered by instances of shop
# 499 stands for visitors who left: no answer was sent. 502 and 504 of instances are nginx's own words: nobody listened, or
# nobody answered in time.
tshark -r "$tmp/scene.pcapng" -T fields -e frame.time_epoch >"$tmp/times"
{
  awk -v release="$release_at" -v from="$lock_from" -v to="$lock_to" -v stopped="$stopped_at" '
    last > stopped - 1 && last < stopped + 7 && $1 - last > wide { wide = $1 - last; a = last; b = $1 }
    { last = $1 }
    END { print "frames", NR
      printf "mark release %.1f %.1f\nmark lock %.1f %.1f\nmark gap %.1f %.1f\n", last - release, last - release - 4, last - from, last - to, last - a, last - b
      print a, b >"'"$tmp/gap"'" }' "$tmp/times"
  read -r gap_from gap_to <"$tmp/gap"
  awk -F '\t' -v from="$gap_from" -v to="$gap_to" '
    function count(key) { all[key]++; if ($1 >= from - 0.3 && $1 - $2 <= to + 0.3) lost[key]++ }
    { count("client " ($3 == "" ? "-" : $3) " " $4)
      n = split($5, addresses, /, | : /); split($6, statuses, /, | : /)
      for (i = 1; i <= n; i++) if (statuses[i] ~ /^[0-9]+$/ && statuses[i] !~ /^50[24]$/) count("upstream " addresses[i] " " statuses[i]) }
    END { for (key in all) print key, all[key], lost[key] + 0 }' "$tmp/access.log" | LC_ALL=C sort
} >"$out/scene.expected"
cat "$tmp/dumpcap.err" >&2
ls -l "$out/scene.pcapng.zst" >&2
cat "$out/scene.expected"
