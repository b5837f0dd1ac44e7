# The world of the scene, for `record-scene.sh` and `demo-live.sh`, which source this file: hosts, cables, services, visitors.
#
#   visitors ~~~ distance ~~~ switch --- edge (nginx)      192.0.2.10, 2001:db8::10, 10.20.0.10
#   (browsers, apps,            |------ shop1, shop2       10.20.0.21, 10.20.0.22   crates/scene
#    partner, bots)             |------ pricing            10.20.0.31               crates/scene
#                               |------ db (PostgreSQL)    10.20.0.41
#                               |------ ops (psql)         10.20.0.51
#
# Every host is a network namespace with a cable to a bridge. Offloads are off, so that frames look as on a wire.
# Needs root and the Debian packages nginx-light, postgresql, nftables, iproute2, ethtool, python3, and Rust. Functions, in the
# order of their use: world_build, world_hosts, world_services, world_agents DATA, visits SECONDS SEED, release NUMBER, bad_minute SECONDS.

world_build() { # builds the services, where SCENE names no ready build; sets $scene and $postgres_bin
  local tool part
  for tool in nginx psql nft ip ethtool runuser python3 awk "$@"; do
    command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 1; }
  done
  postgres_bin=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -1)")
  [ -n "${SCENE:-}" ] || cargo build --quiet --package arachne-scene
  scene=$(realpath "${SCENE:-${CARGO_TARGET_DIR:-target}/debug/scene}")
  # Processes go by the name of the file that was started.
  mkdir "$tmp/bin"
  for part in shop pricing visitors; do ln -s "$scene" "$tmp/bin/$part"; done
}

tmp=$(mktemp -d); chmod 755 "$tmp"; id=${SCENE_ID:-$$}
hosts=(switch edge shop1 shop2 pricing db ops away visitors)
started=()
world_down() { # ends all processes and hosts; for a trap
  for pid in "${started[@]}"; do kill -CONT "$pid" 2>/dev/null || true; kill "$pid" 2>/dev/null || true; done
  if [ -f "$tmp/nginx.pid" ]; then kill "$(cat "$tmp/nginx.pid")" 2>/dev/null || true; fi
  if [ -f "$tmp/db/postmaster.pid" ]; then kill -INT "$(head -1 "$tmp/db/postmaster.pid")" 2>/dev/null || true; fi
  sleep 1
  for host in "${hosts[@]}"; do ip netns del "$host$id" 2>/dev/null || true; done
  rm -rf "$tmp"
}
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
plug() { # plug HOST DEVICE [ADDRESS...]: a cable from the host to the switch
  local host=$1 device=$2; shift 2
  ip -n "$host$id" link add "$device" type veth peer name "$host" netns "switch$id"
  at switch ip link set "$host" master br0
  quiet switch "$host"; quiet "$host" "$device"
  for address in "$@"; do at "$host" ip addr add "$address" dev "$device" $([[ $address == *:* ]] && echo nodad); done
}
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

world_hosts() { # hosts with their cables
  for host in "${hosts[@]}"; do
    ip netns add "$host$id"
    at "$host" ip link set lo up
  done
  at switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  at away sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  at switch ip link add br0 type bridge mcast_snooping 0
  at switch ip link set br0 up
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
  lose shop1 8080 401; lose shop2 8080 523; lose pricing 8080 307
}

shop() { # shop NUMBER RELEASE
  start "shop$1" "$tmp/bin/shop" shop --listen "10.20.0.2$1:8080" --pricing 10.20.0.31:8080 --name "shop-$1" --release "$2" \
    --log "$tmp/shop-$1.log"
}

world_services() { # PostgreSQL, the services, nginx
  # --- PostgreSQL ------------------------------------------------------------------------------------------------------
  install -d -o postgres -g postgres "$tmp/db"
  runuser -u postgres -- "$postgres_bin/initdb" -D "$tmp/db" -A trust -E UTF8 --locale=C >/dev/null
  echo "host all all 10.20.0.0/24 trust" >>"$tmp/db/pg_hba.conf"
  start db runuser -u postgres -- "$postgres_bin/postgres" -D "$tmp/db" -c listen_addresses=10.20.0.41 \
    -c unix_socket_directories="$tmp/db" -c fsync=off -c shared_preload_libraries=pg_stat_statements \
    -c track_io_timing=on >"$tmp/postgres.log" 2>&1
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

  # The role of the agent, as `arachne setup postgresql` prints it.
  if [ -n "${arachne:-}" ]; then "$arachne" setup postgresql | at db psql -q -h "$tmp/db" -U postgres -d loom; fi

  # --- the services ----------------------------------------------------------------------------------------------------
  start pricing "$tmp/bin/pricing" pricing --listen 10.20.0.31:8080 --database "host=10.20.0.41 user=pricing dbname=loom application_name=pricing" \
    --log "$tmp/pricing.log"
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
  # The first eight are what scripts/record-scene.sh counts by.
  log_format facts '\$msec\t\$request_time\t\$http_host\t\$status\t\$upstream_addr\t\$upstream_status\t\$upstream_response_time\t\$request_id\t\$remote_addr\t"\$request"\t\$body_bytes_sent\t"\$http_referer"\t"\$http_user_agent"';
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
    # What browsers tell of pages; see docs/browser.md.
    location = /stat { return 204; }
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
}

# --- the agents --------------------------------------------------------------------------------------------------------
# All hosts are one machine with one file system: one agent reads the machine and nginx's logs, each of the others what is its
# own. Processes of agents are in ${agents[@]}.
agents=()
configure() { # configure DATA NAME CONFIGURATION
  curl -sf -o /dev/null --unix-socket "$1/socket" -X PUT -H 'content-type: application/json' -H 'if-match: *' -d "$3" \
    "http://localhost/api/v1/agents/$2/config" || { echo "the agent $2 cannot be configured" >&2; exit 1; }
}
watch_host() { # watch_host DATA HOST NAME CONFIGURATION: an agent for it; the socket of the server is reached from every namespace
  # The key is part of the line that installs an agent.
  (umask 077; "$arachne" agents add "$3" --data "$1" | grep -o 'ara_[0-9a-f]*' | head -1 >"$tmp/$3.key")
  configure "$1" "$3" "$4"
  setsid ip netns exec "$2$id" "$arachne" agent --server "unix:$1/socket" --key-file "$tmp/$3.key" \
    --spool "$tmp/spool-$3" --nginx-conf "$tmp/nginx.conf" 2>"$tmp/$3.log" &
  agents+=("$!")
}
world_agents() { # world_agents DATA: agents of the server that holds this folder, once there are services; needs $arachne
  local collect=scripts/scene/collect.py
  watch_host "$1" edge edge-1 "${SCENE_AGENT:-{\}}"
  watch_host "$1" shop1 shop-1 "$(python3 "$collect" "$tmp/shop-1.log" shop)"
  watch_host "$1" shop2 shop-2 "$(python3 "$collect" "$tmp/shop-2.log" shop)"
  watch_host "$1" pricing pricing-1 "$(python3 "$collect" "$tmp/pricing.log" pricing '{"checks": ["http://10.20.0.31:8080/healthz"],
    "postgresql": [{"name": "db-1", "connection": "host=10.20.0.41 user=arachne dbname=loom"}]}')"
}

visits() { # visits SECONDS SEED: visitors come for so long, the last ones need half a minute more; ${started[-1]} ends with them
  start visitors "$tmp/bin/visitors" load --edge "192.0.2.10:80,[2001:db8::10]:80" --from "$from" --seconds "$1" --seed "$2"
}

release() { # release NUMBER: replaces one instance of shop after the other (header x-release)
  kill -TERM "$shop1_process"; wait "$shop1_process" || true; shop 1 "$1"; shop1_process=${started[-1]}
  sleep 3
  kill -TERM "$shop2_process"; wait "$shop2_process" || true; shop 2 "$1"; shop2_process=${started[-1]}
}

bad_minute() { # bad_minute SECONDS: ops imports prices in one transaction that locks their table for so long
  PGSSLMODE=disable at ops psql -q -h 10.20.0.41 -U release -d loom >/dev/null <<S
\set ON_ERROR_STOP 1
begin;
lock table prices in access exclusive mode;
-- price import of a release: every row, one by one, in one transaction
update prices set cents = cents + 10, valid_from = date '2026-12-01';
select pg_sleep($1);
commit;
S
}
