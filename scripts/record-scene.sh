#!/usr/bin/env bash
# Records the scene that `make demo` shows: a small shop on its good and bad minutes.
#
#   scripts/record-scene.sh [OUTDIR]        (default: fixtures/)
#
# OUTDIR/scene.pcapng.zst   what passed the switch between all hosts, each packet once
# OUTDIR/scene.expected     what nginx logged of the same time, and when what happened; see the end of this script
#
#   visitors ~~~ distance ~~~ switch --- edge-1 (nginx)    192.0.2.10, 2001:db8::10, 10.20.0.10
#   (browsers, apps,            |------ shop-1, shop-2     10.20.0.21, 10.20.0.22   crates/scene
#    partner, bots)             |------ pricing-1          10.20.0.31               crates/scene
#                               |------ db-1 (PostgreSQL)  10.20.0.41
#                               |------ ops-1 (psql)       10.20.0.51
#
# Every host is a network namespace with a cable to a bridge, where dumpcap listens. Offloads are off, so that frames look as
# on a wire. What happens, in shares of the time:
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
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
out=${1:-$here/fixtures} seconds=${SCENE_SECONDS:-560}
mkdir -p "$out"; out=$(cd "$out" && pwd)
for tool in nginx psql dumpcap tshark nft ip ethtool runuser python3 zstd awk; do
  command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }
done
postgres_bin=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -1)")
cargo build --quiet --package arachne-scene
scene=$(realpath "${CARGO_TARGET_DIR:-target}/debug/scene")

tmp=$(mktemp -d); chmod 755 "$tmp"; id=$$
hosts=(switch edge shop1 shop2 pricing db ops away visitors)
started=()
cleanup() {
  for pid in "${started[@]}"; do kill -CONT "$pid" 2>/dev/null || true; kill "$pid" 2>/dev/null || true; done
  if [ -f "$tmp/nginx.pid" ]; then kill "$(cat "$tmp/nginx.pid")" 2>/dev/null || true; fi
  if [ -f "$tmp/db/postmaster.pid" ]; then kill -INT "$(head -1 "$tmp/db/postmaster.pid")" 2>/dev/null || true; fi
  sleep 1
  for host in "${hosts[@]}"; do ip netns del "$host$id" 2>/dev/null || true; done
  rm -rf "$tmp"
}
trap cleanup EXIT
at() { local host=$1; shift; ip netns exec "$host$id" "$@"; }
start() { # start HOST COMMAND...: in the background; its process is ${started[-1]}
  local host=$1; shift
  ip netns exec "$host$id" "$@" &
  started+=("$!")
}
reached() { # reached HOST ADDRESS PORT: waits until the host itself gets a connection; that does not pass the switch
  for _ in $(seq 100); do
    if at "$1" bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "$1 does not listen on $2:$3" >&2; exit 1
}

# --- hosts and cables ------------------------------------------------------------------------------------------------
quiet() { # quiet HOST DEVICE: no offloads, no chatter
  at "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1 || true
  at "$1" ip link set "$2" mtu 1500 up
}
for host in "${hosts[@]}"; do
  ip netns add "$host$id"
  at "$host" ip link set lo up
done
at switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
at away sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
at switch ip link add br0 type bridge mcast_snooping 0
at switch ip link set br0 up
plug() { # plug HOST DEVICE [ADDRESS...]: a cable from the host to the switch
  local host=$1 device=$2; shift 2
  ip -n "$host$id" link add "$device" type veth peer name "$host" netns "switch$id"
  at switch ip link set "$host" master br0
  quiet switch "$host"; quiet "$host" "$device"
  for address in "$@"; do at "$host" ip addr add "$address" dev "$device" $([[ $address == *:* ]] && echo nodad); done
}
plug edge eth0 10.20.0.10/24 192.0.2.10/24 2001:db8::10/64
plug shop1 eth0 10.20.0.21/24
plug shop2 eth0 10.20.0.22/24
plug pricing eth0 10.20.0.31/24
plug db eth0 10.20.0.41/24
plug ops eth0 10.20.0.51/24
plug away near
ip -n "visitors$id" link add eth0 type veth peer name far netns "away$id"
quiet away far; quiet visitors eth0

# Address, milliseconds one way, share of lost segments. The partner comes from the first, the monitor from the last.
places=(203.0.113.11=6:0 203.0.113.24=11:0.001 198.51.100.7=42:0.012 198.51.100.201=80:0.004 203.0.113.57=18:0.002 \
  198.51.100.38=55:0.018 203.0.113.86=24:0.002 198.51.100.140=9:0.001 2001:db8:7::21=14:0.002 2001:db8:7::52=21:0.002 \
  203.0.113.200=3:0)
from=
for place in "${places[@]}"; do
  address=${place%%=*}
  at visitors ip addr add "$address/$([[ $address == *:* ]] && echo 128 || echo 32)" dev eth0
  from=${from:+$from,}$address
done
at visitors ip route add 192.0.2.0/24 dev eth0
at visitors ip -6 route add 2001:db8::/64 dev eth0
at edge ip route add 203.0.113.0/24 dev eth0; at edge ip route add 198.51.100.0/24 dev eth0
at edge ip -6 route add 2001:db8:7::/48 dev eth0
start away python3 scripts/scene/wide_area.py near far 7 "${places[@]}"
# Between the hosts little gets lost, and behind the switch: the recording has the lost copy and the one sent again.
lose() { # lose HOST PORT EVERY
  at "$1" nft -f - <<N
table inet loss {
  chain in {
    type filter hook input priority 0;
    tcp dport $2 meta length > 120 numgen inc mod $3 == 7 drop;
  }
}
N
}
lose shop1 8080 401; lose shop2 8080 523; lose pricing 8080 307

# --- the recorder ----------------------------------------------------------------------------------------------------
# A small buffer, so that the gap comes soon when it is stopped.
start switch dumpcap -q -i br0 -B 1 -w "$tmp/raw.pcapng" 2>"$tmp/dumpcap.err"
sleep 1
recorder=${started[-1]}

# --- PostgreSQL ------------------------------------------------------------------------------------------------------
install -d -o postgres -g postgres "$tmp/db"
runuser -u postgres -- "$postgres_bin/initdb" -D "$tmp/db" -A trust -E UTF8 --locale=C >/dev/null
echo "host all all 10.20.0.0/24 trust" >>"$tmp/db/pg_hba.conf"
start db runuser -u postgres -- "$postgres_bin/postgres" -D "$tmp/db" -c listen_addresses=10.20.0.41 \
  -c unix_socket_directories="$tmp/db" -c fsync=off >"$tmp/postgres.log" 2>&1
reached db 10.20.0.41 5432
at db psql -q -h "$tmp/db" -U postgres <<'S'
create role pricing login; create role release login superuser;
create database loom owner release;
\connect loom
create table prices (sku text primary key, cents integer not null, valid_from date not null);
insert into prices select (array['MER','ALP','LIN','MOH','COT','SIL'])[1 + id % 6] || '-' || to_char(id, 'FM000'),
  390 + (id * 7919) % 2400, date '2026-09-01' from generate_series(1, 24) id;
grant select on prices to pricing;
S

# --- the services ----------------------------------------------------------------------------------------------------
shop() { # shop NUMBER RELEASE
  start "shop$1" "$scene" shop --listen "10.20.0.2$1:8080" --pricing 10.20.0.31:8080 --name "shop-$1" --release "$2"
}
start pricing "$scene" pricing --listen 10.20.0.31:8080 --database "host=10.20.0.41 user=pricing dbname=loom application_name=pricing"
reached pricing 10.20.0.31 8080
shop 1 41; shop1_process=${started[-1]}
shop 2 41; shop2_process=${started[-1]}
reached shop1 10.20.0.21 8080; reached shop2 10.20.0.22 8080

# --- nginx -----------------------------------------------------------------------------------------------------------
root=$tmp/static; mkdir -p "$root/img" "$root/css" "$root/js" "$tmp"/{body,proxy,fcgi,uwsgi,scgi}
python3 scripts/scene/images.py "$root/img" 24
awk 'BEGIN { for (i = 1; i <= 90; i++) printf ".card-%d { margin: %dpx; color: #%02x%02x5a }\n", i, i % 9, i * 2, 255 - i }' >"$root/css/loom.css"
awk 'BEGIN { for (i = 1; i <= 120; i++) printf "function stitch%d(row) { return row.map(knit => knit * %d + stitch%d.length); }\n", i, i * 31 % 97, i % 120 + 1 }' >"$root/js/loom.js"
cp "$root/img/5.png" "$root/favicon.ico"; chmod -R a+rX "$root"
cat >"$tmp/nginx.conf" <<N
worker_processes 1;
pid $tmp/nginx.pid;
error_log $tmp/error.log;
events { worker_connections 1024; }
http {
  types { text/html html; text/css css; application/javascript js; image/png png; image/x-icon ico; }
  log_format facts '\$msec\t\$request_time\t\$http_host\t\$status\t\$upstream_addr\t\$upstream_status\t\$upstream_response_time\t\$request_id';
  access_log $tmp/access.log facts;
  client_body_temp_path $tmp/body; proxy_temp_path $tmp/proxy; fastcgi_temp_path $tmp/fcgi;
  uwsgi_temp_path $tmp/uwsgi; scgi_temp_path $tmp/scgi;
  keepalive_timeout 30s; server_tokens off; if_modified_since before;
  gzip on; gzip_proxied any; gzip_min_length 500; gzip_types text/css application/javascript application/json;
  # An instance that is late is not taken for dead: else both were, and nothing would reach them.
  upstream shop { server 10.20.0.21:8080 max_fails=0; server 10.20.0.22:8080 max_fails=0; keepalive 8; }
  proxy_http_version 1.1; proxy_connect_timeout 500ms; proxy_read_timeout 30s;
  proxy_set_header Host shop.loom.internal;
  proxy_set_header Connection "";
  proxy_set_header X-Forwarded-Host \$host;
  proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
  proxy_set_header X-Request-Id \$request_id;
  server {
    listen 192.0.2.10:80; listen [2001:db8::10]:80; server_name www.loom.example api.loom.example;
    add_header X-Request-Id \$request_id always;
    location / { proxy_pass http://shop; }
    # Whoever pays does not wait long.
    location = /checkout { proxy_pass http://shop; proxy_read_timeout 2s; }
    location = /v1/orders { proxy_pass http://shop; proxy_read_timeout 2s; }
    location = /v1/live {
      proxy_pass http://shop; proxy_set_header Host shop.loom.internal; proxy_set_header X-Request-Id \$request_id;
      proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection "upgrade";
    }
  }
  server {
    listen 192.0.2.10:80; listen [2001:db8::10]:80; server_name static.loom.example; root $root;
    location /img/ { expires 30d; }
  }
  server { listen 192.0.2.10:80 default_server; listen [2001:db8::10]:80 default_server; return 404; }
}
N
at edge nginx -p "$tmp" -c "$tmp/nginx.conf"

# --- the scene -------------------------------------------------------------------------------------------------------
begin=$(date +%s.%N)
until_share() { # until_share PERCENT
  sleep "$(awk -v b="$begin" -v n="$(date +%s.%N)" -v s="$seconds" -v p="$1" 'BEGIN { t = b + s * p / 100 - n; print (t > 0 ? t : 0) }')"
}
start visitors "$scene" load --edge "192.0.2.10:80,[2001:db8::10]:80" --from "$from" --seconds "$seconds" --seed 42
visitors=${started[-1]}

until_share 40
release_at=$(date +%s.%N)
kill -TERM "$shop1_process"; wait "$shop1_process" || true; shop 1 42
sleep 3
kill -TERM "$shop2_process"; wait "$shop2_process" || true; shop 2 42

until_share 60
lock_from=$(date +%s.%N)
lock_seconds=$(awk -v s="$seconds" 'BEGIN { t = s / 10; print (t > 55 ? 55 : t) }')
PGSSLMODE=disable at ops psql -q -h 10.20.0.41 -U release -d loom >/dev/null <<S
\set ON_ERROR_STOP 1
begin;
lock table prices in access exclusive mode;
-- price import of release 42: every row, one by one, in one transaction
update prices set cents = cents + 10, valid_from = date '2026-12-01';
select pg_sleep($lock_seconds);
commit;
S
lock_to=$(date +%s.%N)

until_share 82
stopped_at=$(date +%s.%N)
kill -STOP "$recorder"; sleep 6; kill -CONT "$recorder"
wait "$visitors"
sleep 1
kill -TERM "$recorder"; wait "$recorder" || true
kill -QUIT "$(cat "$tmp/nginx.pid")"; sleep 1

# --- what came of it -------------------------------------------------------------------------------------------------
name_hosts=(192.0.2.10=edge-1 2001:db8::10=edge-1 10.20.0.10=edge-1 10.20.0.21=shop-1 10.20.0.22=shop-2 10.20.0.31=pricing-1
  10.20.0.41=db-1 10.20.0.51=ops-1 203.0.113.11=haberdash.example 198.51.100.201=bot.example 203.0.113.200=probe.example)
python3 scripts/scene/name_hosts.py "$tmp/raw.pcapng" "$tmp/scene.pcapng" "${name_hosts[@]}"
zstd -q -f -19 --long=26 "$tmp/scene.pcapng" -o "$out/scene.pcapng.zst"
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
