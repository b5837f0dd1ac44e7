#!/usr/bin/env bash
# Records the capture that `make demo` reads: real browsers' habits against a real nginx, on a wire that loses packets.
#
#   scripts/record-demo.sh [OUTDIR]        (default: fixtures/)
#
# OUTDIR/demo.pcapng.gz   what passed the client's end of the wire
# OUTDIR/demo.expected    what nginx logged: `METHOD STATUS COUNT` per line, then the totals
#
# The traffic runs between two network namespaces joined by a veth pair with MTU 1500 and all offloads off, so frames
# look as on a wire and their checksums are right. nftables drops a few packets *behind* the capture point: the first
# copy of a lost packet is captured, and so is its retransmission.
#
# Needs root and the Debian packages nginx-light, curl, tcpdump, tshark (for editcap), nftables, iproute2, ethtool,
# procps. Run it again only when the table should show something new: the recording is checked in.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-$here/fixtures}
mkdir -p "$out"; out=$(cd "$out" && pwd)
for tool in nginx curl tcpdump editcap nft ip ethtool awk; do
  command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }
done

tmp=$(mktemp -d); id=$$; server="ds$id" client="dc$id"
tcpdump_pid=
cleanup() {
  if [ -n "$tcpdump_pid" ]; then kill "$tcpdump_pid" 2>/dev/null || true; fi
  if [ -f "$tmp/nginx.pid" ]; then kill "$(cat "$tmp/nginx.pid")" 2>/dev/null || true; fi
  sleep 0.3
  ip netns del "$server" 2>/dev/null || true
  ip netns del "$client" 2>/dev/null || true
  rm -rf "$tmp"
}
trap cleanup EXIT

# --- documents ---------------------------------------------------------------------------------------------------
words() { # words SEED BYTES: text that compresses about as pages do
  awk -v seed="$1" -v n="$2" 'BEGIN { srand(seed); k = split("order item basket price user session token shop colour size red blue ship pay list page", w, " ");
    while (n > 0) { t = w[1 + int(rand() * k)] (rand() < 0.1 ? "\n" : " "); n -= length(t); printf "%s", t } }'
}
root="$tmp/root"; mkdir -p "$root/img" "$root/js" "$root/css" "$root/live"
{ echo "<!doctype html><title>shop</title>"; words 1 9000; } >"$root/index.html"
{ echo "<!doctype html><title>basket</title>"; words 2 5000; } >"$root/basket.html"
words 3 24000 >"$root/js/app.js"; words 4 6000 >"$root/css/shop.css"
for i in 1 2 3 4; do head -c $((1400 + i * 3100)) /dev/urandom >"$root/img/p$i.jpg"; done
head -c 30000 /dev/urandom >"$root/img/big.jpg"
# Server-side includes make nginx answer without a length: chunked, one chunk per part.
{ echo "<p>status</p>"; for i in 1 2 3; do echo "<!--# include virtual=\"/img/none-$i\" -->"; words "5$i" 700; done; } >"$root/live/status.shtml"

cat >"$tmp/nginx.conf" <<N
worker_processes 1;
pid $tmp/nginx.pid;
error_log $tmp/error.log;
events { worker_connections 256; }
http {
  types { text/html html shtml; text/css css; application/javascript js; image/jpeg jpg; }
  log_format facts '\$connection \$request_method \$status';
  access_log $tmp/access.log facts;
  log_subrequest off;
  client_body_temp_path $tmp/body; proxy_temp_path $tmp/proxy; fastcgi_temp_path $tmp/fcgi;
  uwsgi_temp_path $tmp/uwsgi; scgi_temp_path $tmp/scgi;
  keepalive_timeout 20s; etag on; if_modified_since before; server_tokens off;
  gzip on; gzip_min_length 800; gzip_types text/css application/javascript application/json;
  server {
    listen 10.0.0.9:8080; listen [fd00:20::9]:8080; server_name _; root $root; index index.html;
    location /img/ { expires 30d; }
    location /live/ { ssi on; }
    location = /img/big.jpg { limit_rate_after 6k; limit_rate 9k; }
    location = /old { return 301 /basket.html; }
    location = /create_session { default_type application/json; return 201 '{"session":"\$request_id"}'; }
    location /api/users/ { default_type application/json; return 200 '{"path":"\$uri","q":"\$args","name":"user"}'; }
    location /api/items/ { default_type application/json; return 204; }
    location = /api/pay { proxy_connect_timeout 1500ms; proxy_pass http://10.0.0.9:9998; }
    location = /api/stock { proxy_pass http://10.0.0.9:9999; }
    location = /api/busy { default_type application/json; return 503 '{"error":"try later"}'; }
  }
}
N
mkdir -p "$tmp"/{body,proxy,fcgi,uwsgi,scgi}; chmod 755 "$tmp"; chmod -R a+rX "$root"

# --- two namespaces, one wire ------------------------------------------------------------------------------------
ip netns add "$server"; ip netns add "$client"
ip link add "vs$id" type veth peer name "vc$id"
ip link set "vs$id" netns "$server"; ip link set "vc$id" netns "$client"
at_server() { ip netns exec "$server" "$@"; }
at_client() { ip netns exec "$client" "$@"; }
wire() { # wire NAMESPACE DEVICE
  ip netns exec "$1" ip link set lo up
  ip netns exec "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1 || true
  ip netns exec "$1" ip link set "$2" mtu 1500 up
}
wire "$server" "vs$id"; wire "$client" "vc$id"
at_server ip addr add 10.0.0.9/24 dev "vs$id"; at_server ip -6 addr add fd00:20::9/64 dev "vs$id" nodad
for last in 7 8 21; do at_client ip addr add "10.0.0.$last/24" dev "vc$id"; done
at_client ip -6 addr add fd00:20::7/64 dev "vc$id" nodad
# The payment service never answers: its SYNs vanish, nginx gives up after 1.5 s and says 504. The stock service
# refuses: 502 at once.
at_server nft -f - <<'N'
table ip t {
  chain out {
    type filter hook output priority 0;
    tcp dport 9998 drop;
  }
}
N
# Every 9th request is lost behind the capture point and sent again 200 ms later. So is every 23rd segment with payload
# from nginx.
at_server nft -f - <<'N'
table inet r {
  chain in {
    type filter hook input priority 0;
    tcp dport 8080 meta length > 120 numgen inc mod 9 == 4 drop;
  }
}
N
at_client nft -f - <<'N'
table inet t {
  chain in {
    type filter hook input priority 0;
    tcp sport 8080 meta length > 200 numgen inc mod 23 == 11 drop;
  }
}
N
at_server nginx -p "$tmp" -c "$tmp/nginx.conf"
ip netns exec "$client" tcpdump -q -n -i "vc$id" -s 0 --nano -U -w "$tmp/demo.pcap" "tcp port 8080" 2>"$tmp/tcpdump.err" &
tcpdump_pid=$!
sleep 1

# --- the visitors ------------------------------------------------------------------------------------------------
agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
visit() { # visit ADDRESS CURL-ARGUMENTS...: one connection, requests one after the other
  local from=$1; shift
  at_client curl -s --interface "$from" -A "$agent" --max-time 20 "$@" >/dev/null || true
}
shop="http://www.shop:8080" api="http://api.shop:8080"
names=(--resolve www.shop:8080:10.0.0.9 --resolve api.shop:8080:10.0.0.9)
names6=(--resolve "www.shop:8080:[fd00:20::9]" --resolve "api.shop:8080:[fd00:20::9]")
page() { # page ADDRESS NAMES...: a page with all that belongs to it
  local from=$1; shift
  visit "$from" "$@" --compressed "$shop/" "$shop/css/shop.css" "$shop/js/app.js?v=17" "$shop/img/p1.jpg" "$shop/img/p2.jpg" \
    "$shop/img/p3.jpg" "$shop/img/p4.jpg" "$shop/favicon.ico"
}
page 10.0.0.7 "${names[@]}"
visit 10.0.0.7 "${names[@]}" -H 'Content-Type: application/json' -d '{"user":"ada","password":"not-a-real-one"}' "$api/create_session"
visit 10.0.0.7 "${names[@]}" "$api/api/users/1?page=1&sort=name" "$api/api/users/2" "$api/api/users/3" "$api/api/users/4?q=%C3%A4"
page 10.0.0.8 "${names[@]}"
visit 10.0.0.21 "${names[@]}" "$shop/img/big.jpg" &
slow=$!
visit 10.0.0.8 "${names[@]}" -d 'amount=42&currency=EUR' "$api/api/pay" &
pay=$!
page fd00:20::7 "${names6[@]}"
visit fd00:20::7 "${names6[@]}" "$shop/live/status.shtml" "$shop/old" "$shop/basket.html"
visit 10.0.0.7 "${names[@]}" -H 'If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT' "$shop/img/p1.jpg" "$shop/img/p2.jpg" "$shop/css/shop.css"
visit 10.0.0.7 "${names[@]}" -I "$shop/" "$shop/img/big.jpg"
visit 10.0.0.8 "${names[@]}" "$api/api/stock" "$api/api/busy" "$shop/missing/page" "$shop/wp-login.php"
visit 10.0.0.21 "${names[@]}" -X DELETE "$api/api/items/17" "$api/api/items/18"
visit 10.0.0.21 "${names[@]}" -r 100-4099 "$shop/img/p4.jpg"
visit 10.0.0.21 "${names[@]}" -0 "$shop/basket.html"
for i in 1 2 3 4 5 6; do visit 10.0.0.21 "${names[@]}" "$api/api/users/$((100 + i))"; done
visit 10.0.0.7 "${names[@]}" -H 'Transfer-Encoding: chunked' -H 'Expect:' -d '{"note":"sent in chunks"}' "$api/create_session"
wait "$slow" "$pay"
sleep 1
kill -TERM "$tcpdump_pid"; wait "$tcpdump_pid" 2>/dev/null || true; tcpdump_pid=
kill -QUIT "$(cat "$tmp/nginx.pid")"; sleep 1

# --- what came of it ---------------------------------------------------------------------------------------------
editcap -F pcapng "$tmp/demo.pcap" "$tmp/demo.pcapng"
gzip -9 -n -c "$tmp/demo.pcapng" >"$out/demo.pcapng.gz"
{
  awk '{ n[$2 " " $3]++ } END { for (k in n) print k, n[k] }' "$tmp/access.log" | LC_ALL=C sort
  awk '{ c[$1] = 1 } END { print "requests", NR; k = 0; for (i in c) k++; print "connections", k }' "$tmp/access.log"
} >"$out/demo.expected"
grep -E 'packets (captured|dropped)' "$tmp/tcpdump.err" >&2
ls -l "$out/demo.pcapng.gz" >&2
cat "$out/demo.expected"
