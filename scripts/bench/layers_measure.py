#!/usr/bin/env python3
"""What an agent with everything on costs, idle and under load. See `make bench-layers`.

    layers_measure.py ARACHNE AGENT REPORT.md

The two hosts, the server and the visitors are those of agent_measure.py. Prints progress on stderr, writes a table to REPORT.md. Exit 1
when something is missing or a bar is not held.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

from agent_measure import SMALL, TICKS, Site, wait, within, wrk
from measure import commit, machine, say, table

SECONDS = int(os.environ.get("BENCH_SECONDS", "60"))
RATE = int(os.environ.get("BENCH_RATE", "2000"))
CPU_MAX, MIB_MAX = 5.0, 64.0
CONNECTIONS = 100
NGINX = """daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
events { worker_connections 1024; }
http {
  log_format plus '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $upstream_cache_status [$upstream_response_time] $upstream_addr $request_id';
  log_format app '$time_iso8601 INFO [SHOP-REQ-001] answered $uri in ${request_time}s with $status';
  access_log access.log plus; access_log /dev/stderr app;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_requests 1000000; default_type application/json;
  server { listen 10.9.0.2:80; server_name shop.example; root files; }
}
"""
WANTED = """agent:
  interfaces: far
  filter: tcp port 80
  save: {{sessions: yes, bodies: yes}}
  collect:
    postgresql: {{connection: "host={database} user=arachne dbname=bench", name: bench}}
    checks: ["http://10.9.0.2/small.json"]
logs:
  - plugin: logparser
    file: {folder}/nginx/app.log
    name: shop
    service: shop
    regex: '^(?P<at>\\S+) (?P<level>\\w+) \\[(?P<code>[^\\]]+)\\] answered (?P<uri>\\S+) in (?P<took>[0-9.]+)s with (?P<status>\\d+)$'
    time_field: at
    time_field_format: '%Y-%m-%dT%H:%M:%S%z'
    metrics:
      - {{type: rate, name: shop.answers, labels: {{status: =status, uri: =uri}}}}
      - {{type: percentiles, name: shop.time, value: took, args: [50, 95], labels: {{uri: =uri}}}}
"""


def processes(pid):
    """Each process of the agent: its number and what it is called."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().split(b"\0")
    name = "supervisor" if len(words) > 3 else " ".join(word.decode() for word in words[1:] if word)
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    return [(pid, name)] + [one for child in children for one in processes(child)]


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """MiB: resident at the most, and now with shared pages divided among those that share them."""
    with open(f"/proc/{pid}/status") as file:
        resident = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])
    with open(f"/proc/{pid}/smaps_rollup") as file:
        share = int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
    return resident / 1024, share / 1024


def database(site):
    """A PostgreSQL with the role of the agent; what ends it."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    if not found:
        sys.exit("needs PostgreSQL: /usr/lib/postgresql/*/bin/initdb is not there")
    bin_folder, folder = os.path.dirname(found[-1]), f"{site.folder}/db"
    os.makedirs(folder)
    shutil.chown(folder, "postgres", "postgres")
    owner = ["runuser", "-u", "postgres", "--"]
    subprocess.run([*owner, f"{bin_folder}/initdb", "-D", folder, "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL)
    start = [*owner, f"{bin_folder}/postgres", "-D", folder, "-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}",
             "-c", "shared_preload_libraries=pg_stat_statements", "-c", "track_io_timing=on", "-c", "fsync=off"]
    server = subprocess.Popen(within(site.far, start), stdout=subprocess.DEVNULL, stderr=open(f"{site.folder}/postgres.log", "w"))
    wait("PostgreSQL", lambda: subprocess.run(["psql", "-h", folder, "-U", "postgres", "-c", "select 1"], capture_output=True).returncode == 0)
    psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "postgres"]
    subprocess.run([*psql, "-c", "create database bench"], check=True)
    setup = subprocess.run([site.arachne, "setup", "postgresql"], check=True, capture_output=True, text=True).stdout
    subprocess.run([*psql, "-d", "bench"], input=setup, text=True, check=True, stdout=subprocess.DEVNULL)
    bench = [*owner, f"{bin_folder}/pgbench", "-h", folder, "-U", "postgres", "bench"]
    subprocess.run([*bench, "-i", "-q"], check=True, capture_output=True)
    return server, [*bench, "-R", "50", "-c", "4", "-n", "-T", str(SECONDS)]


def web(site):
    folder = f"{site.folder}/nginx"
    os.makedirs(f"{folder}/files")
    with open(f"{folder}/files/small.json", "w") as file:
        json.dump(list(range(120)), file)
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(NGINX.replace("/dev/stderr", "app.log"))
    process = subprocess.Popen(within(site.far, ["nginx", "-p", folder, "-c", "nginx.conf"]), stderr=subprocess.DEVNULL)
    wait("nginx", lambda: os.path.exists(f"{folder}/app.log"))
    # The rule reads this one: as a log of nginx its format would say nothing of requests.
    with open(f"{folder}/for-agent.conf", "w") as file:
        file.write("\n".join(line.replace("access_log /dev/stderr app;", "") for line in NGINX.splitlines()))
    return process


class Everything(Site):
    def start(self):
        with open(f"{self.folder}/far.yml", "w") as file:
            file.write(WANTED.format(folder=self.folder, database=f"{self.folder}/db"))
        subprocess.run([self.arachne, "agents", "configure", "far", f"{self.folder}/far.yml", "--data", f"{self.folder}/data"],
                       check=True, stdout=subprocess.DEVNULL)
        log = f"{self.folder}/agent.log"
        command = [self.program, "--server", "https://10.9.1.1:7117", "--pin", self.pin, "--key-file", f"{self.folder}/key",
                   "--spool", f"{self.folder}/spool", "--nginx-conf", f"{self.folder}/nginx/for-agent.conf"]
        self.agent = subprocess.Popen(within(self.far, command), stdout=subprocess.DEVNULL, stderr=open(log, "w"))
        wait("the agent", lambda: "AGENT-CAPTURE-001" in open(log).read())
        wait("the first points of all layers", lambda: all(self.points(name) for name in [
            "system.cpu.time", "process.cpu.time", "tcp.connection.count", "postgresql.connection.max", "log.files", "httpcheck.duration"]))

    def sql(self, question):
        told = subprocess.run([self.arachne, "sql", "--format", "csv", question, "--data", f"{self.folder}/data"], capture_output=True, text=True)
        lines = told.stdout.splitlines()
        return int(float(lines[1])) if told.returncode == 0 and len(lines) > 1 and lines[1] else 0

    def points(self, name):
        return self.sql(f"select count(*) from points where name = '{name}'")

    def total(self, name):
        return self.sql(f"select coalesce(sum(sum), 0) from points where name = '{name}'")


def phase(site, name, work):
    """Rows of the table, one for each process of the agent and one for all, and what was done."""
    say(name)
    every = processes(site.agent.pid)
    before, begun = {pid: cpu(pid) for pid, _ in every}, time.monotonic()
    given = work()
    # What it holds for its batches is a part of the work.
    time.sleep(2.5)
    took = time.monotonic() - begun - 2.5
    if processes(site.agent.pid) != every:
        sys.exit("the agent's processes are others than at the beginning: see agent.log (BENCH_KEEP=1)")
    rows = [[name, what, 100 * (cpu(pid) - before[pid]) / took, *memory(pid)] for pid, what in every]
    rows.append([name, "**all**", *(sum(row[at] for row in rows) for at in (2, 3, 4))])
    return rows, given


def under_load(site, load):
    queries = subprocess.Popen(load, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rate, _ = wrk(site, SMALL + f"delay = function() return {1000 * CONNECTIONS // RATE - 1} end\n", SECONDS, CONNECTIONS)
    queries.wait()
    return rate


def logged(site):
    """Requests in nginx's own log of them, and how many of them came over the cable: the agent's own checks do not."""
    with open(f"{site.folder}/nginx/access.log", "rb") as file:
        over = [line.startswith(b"10.9.0.1 ") for line in file]
    return len(over), sum(over)


def stored(site):
    """Exchanges, requests of logs and lines of the rule, once no more exchanges come for a while; the last windows are told when they are
    over, and the agent's checks go on."""
    last, since = None, time.monotonic()
    begun = since
    while time.monotonic() - since < 25 and time.monotonic() - begun < 180:
        now = site.sql("select count(*) from exchanges"), site.total("access.total"), site.total("shop.answers")
        if last is None or now[0] != last[0]:
            since = time.monotonic()
        last = now
        time.sleep(1)
    return last


def main():
    arachne, agent, report = sys.argv[1:]
    folder = tempfile.mkdtemp(prefix="arachne-bench-")
    os.chmod(folder, 0o755)
    head = f"Measured {datetime.now(timezone.utc):%Y-%m-%d} at commit {commit()} on {machine()}. {SECONDS} s each.\n\n"
    site, started, wrong = Everything(arachne, agent, folder), [], []
    try:
        started.append(web(site))
        server, load = database(site)
        started.append(server)
        site.start()
        # What starts costs more than what runs.
        time.sleep(15)
        before, _ = logged(site)
        idle, _ = phase(site, "idle", lambda: time.sleep(SECONDS))
        busy, rate = phase(site, f"{RATE:,} requests/s", lambda: under_load(site, load))
        exchanges, requests, lines = stored(site)
        made, visits = logged(site)
        dropped = site.status().get("capture", {}).get("kernel_drops")
        site.end()
        if exchanges != visits:
            wrong.append(f"exchanges: {exchanges} of {visits}")
        # Those before the first look at the logs, and those of the last window, are a few checks.
        for what, count in [("requests of logs", requests), ("lines of the rule", lines)]:
            if not made - before - 5 <= count <= made:
                wrong.append(f"{what}: {count} of {made}")
        (_, _, percent, resident, _) = busy[-1]
        if percent > CPU_MAX:
            wrong.append(f"{percent:.1f} % of a core, at most {CPU_MAX} is wanted")
        if resident > MIB_MAX:
            wrong.append(f"{resident:.0f} MiB, at most {MIB_MAX:.0f} is wanted")
        shown = [[phase, what, f"{percent:.1f}", f"{resident:.0f}", f"{share:.0f}"] for phase, what, percent, resident, share in idle + busy]
        text = head + table(["", "process", "CPU % of a core", "RSS at most, MiB", "PSS, MiB"], shown)
        text += (f"{rate:,.0f} requests a second were answered; of {visits:,} visits in nginx's log {exchanges:,} are stored as exchanges; of {made:,} "
                 f"requests in it {requests:,} are counted as such, {lines:,} by the rule; kernel drops: {dropped}. RSS counts a page that processes share once in each, PSS once in all.\n")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
        site.close()
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    say(text)
    with open(report, "w") as file:
        file.write(text)
    for line in wrong:
        say(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
