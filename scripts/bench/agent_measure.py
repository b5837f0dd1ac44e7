#!/usr/bin/env python3
"""What an agent costs, and what it costs others, in one run. See `make bench-agent`.

    agent_measure.py ARACHNE AGENT LIVE REPORT.md

ARACHNE is the server's program, AGENT the agent's, LIVE the example `live` of the crate capture, which sends packets. Two network
namespaces on a veth cable: `near` has visitors and the server, `far` the agent and an nginx. Prints progress on stderr, writes tables to
REPORT.md. Exit 1 when what was sent is neither captured nor counted, or an exchange is missing at the server.
"""
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

from measure import commit, machine, say, table
from usage import run as run_alone

# Mix and packets a second: `api` has an exchange in 2.9 packets, `web` in 15.
LOADS = [(mix, int(rate)) for mix, rate in (load.split(":") for load in os.environ.get(
    "BENCH_LOADS", "api:1000 api:10000 api:50000 web:10000 web:50000 web:200000").split())]
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
RUNS = int(os.environ.get("BENCH_RUNS", "2"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "20"))
PAIR_SECONDS = int(os.environ.get("BENCH_PAIR_SECONDS", "5"))
TICKS = os.sysconf("SC_CLK_TCK")
TCPDUMP = ["tcpdump", "-i", "far", "-n", "-B", "16384", "-s", "0", "-w", "/dev/null", "tcp"]
NGINX = """daemon off; pid nginx.pid; error_log error.log; worker_processes 2; worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 1000000; gzip on; gzip_types application/json; gzip_comp_level 6;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  default_type application/json;
  server { listen 10.9.0.2:80; root files; }
}
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def within(namespace, command):
    return ["ip", "netns", "exec", namespace, *command]


class OverSocket(http.client.HTTPConnection):
    """HTTP over the server's local socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def usage(pid):
    """CPU seconds, and the most resident KiB, of a process and those that it started."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as file:
        resident = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))
    seconds = (int(fields[11]) + int(fields[12])) / TICKS
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    for child in children:
        more, held = usage(child)
        seconds, resident = seconds + more, resident + held
    return seconds, resident


def wait(what, is_so):
    end = time.monotonic() + 60
    while not (found := is_so()):
        if time.monotonic() > end:
            sys.exit(f"waited a minute for {what}")
        time.sleep(0.1)
    return found


class Site:
    """Two hosts, a server, and an agent that can be started and ended."""

    def __init__(self, arachne, agent, folder):
        self.arachne, self.program, self.folder, self.agent = arachne, agent, folder, None
        self.near, self.far = f"ara-near-{os.getpid()}", f"ara-far-{os.getpid()}"
        ip("netns", "add", self.near)
        ip("netns", "add", self.far)
        ip("-n", self.near, "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", self.far)
        for namespace, link, number in [(self.near, "near", 1), (self.far, "far", 2)]:
            ip("-n", namespace, "addr", "add", f"10.9.0.{number}/24", "dev", link)
            ip("-n", namespace, "addr", "add", f"10.9.1.{number}/24", "dev", link)
            ip("-n", namespace, "link", "set", link, "up")
            ip("-n", namespace, "link", "set", "lo", "up")
        data = os.path.join(folder, "data")
        self.socket = os.path.join(data, "socket")
        # Elsewhere in earnest: here it only gets what nobody else wants, so that it takes nothing from the service.
        serve = within(self.near, ["chrt", "--idle", "0", arachne, "serve", "--data", data, "--listen", "10.9.1.1:7117", "--auth", "required"])
        self.server = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=open(f"{folder}/serve.log", "w"))
        wait("the server", lambda: self.ask("/readyz") is not None)
        lines = subprocess.run([arachne, "agents", "add", "far", "--data", data], check=True, capture_output=True, text=True).stdout
        with open(f"{folder}/key", "w") as file:
            file.write(re.search(r"ara_\w+", lines).group(0))
        self.pin = re.search(r"--pin (sha256/\S+)", lines).group(1)

    def ask(self, path, method="GET", body=None):
        """What the server answers, None when it does not answer well."""
        connection = OverSocket(self.socket)
        try:
            connection.request(method, path, body and json.dumps(body), {"If-Match": "*", "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 300:
                say(f"{method} {path}: {text}")
            return text if answer.status < 300 else None
        except OSError:
            return None
        finally:
            connection.close()

    def start(self):
        """Starts the agent; returns when it captures."""
        log = f"{self.folder}/agent.log"
        command = [self.program, "--server", "https://10.9.1.1:7117", "--pin", self.pin, "--key-file", f"{self.folder}/key",
                   "--spool", f"{self.folder}/spool", "--interface", "far", "--filter", "tcp and not port 7117"]
        self.agent = subprocess.Popen(within(self.far, command), stdout=subprocess.DEVNULL, stderr=open(log, "w"))
        wait("the agent", lambda: "AGENT-CAPTURE-001" in open(log).read())

    def configure(self, bodies):
        """Whether bodies are kept from the next start on."""
        file = f"{self.folder}/far.yml"
        with open(file, "w") as out:
            out.write(f"agent: {{interfaces: far, filter: tcp and not port 7117, save: {{sessions: yes, bodies: {'yes' if bodies else 'no'}}}}}\n")
        subprocess.run([self.arachne, "agents", "configure", "far", file, "--data", f"{self.folder}/data"], check=True, stdout=subprocess.DEVNULL)
        # It starts with what it was told last.
        self.start()
        time.sleep(3)
        self.end()

    def end(self):
        self.agent.send_signal(signal.SIGTERM)
        self.agent.wait()

    def status(self):
        """How the server sees the agent."""
        return (json.loads(self.ask("/api/v1/agents/far") or "{}").get("status")) or {}

    def counted(self, begin):
        """Exchanges that began since then."""
        answer = self.ask(f"/api/v1/query/histogram?mode=start&from={begin}&to=now")
        return json.loads(answer)["total"] if answer else None

    def close(self):
        for process in [self.agent, self.server]:
            if process:
                process.kill()
                process.wait()
        for namespace in [self.near, self.far]:
            subprocess.run(["ip", "netns", "del", namespace])


def sent_by(site, live, mix, rate):
    output = subprocess.run(within(site.near, [live, "send", str(rate), str(SECONDS), mix]), check=True, capture_output=True, text=True)
    return json.loads(output.stdout)["sent"]


def cost(site, work):
    """Of one piece of work: what it gave, and the CPU seconds of agent and server, and the agent's memory."""
    before = usage(site.agent.pid)[0], usage(site.server.pid)[0]
    given = work()
    # What the agent holds for its batches and the server for its log is a part of the work.
    time.sleep(2.5)
    (agent, resident), (server, _) = usage(site.agent.pid), usage(site.server.pid)
    return given, agent - before[0], server - before[1], resident


def settled(site, begin):
    """Exchanges at the server once no more come."""
    last, same = None, 0
    while same < 6:
        now = site.counted(begin)
        same = same + 1 if now == last else 0
        last = now
        time.sleep(0.5)
    return last


def rate_ours(site, live, mix, rate):
    """CPU percent, MiB, packets sent, captured and dropped, and exchanges, of the cheapest of some runs."""
    found = []
    for _ in range(RUNS):
        site.start()
        begin = time.time_ns()
        sent, agent, server, resident = cost(site, lambda: sent_by(site, live, mix, rate))
        capture = wait("a status", lambda: (now := site.status().get("capture")) and now["packets"] + now["kernel_drops"] >= sent and now)
        exchanges = settled(site, begin)
        site.end()
        found.append([100 * agent / SECONDS, 100 * server / SECONDS, resident / 1024, sent, capture["packets"],
                      capture["kernel_drops"], exchanges])
    return min(found)


def rate_theirs(site, live, mix, rate):
    found = []
    for _ in range(RUNS):
        with tempfile.TemporaryFile("w+") as errors:
            dump = subprocess.Popen(within(site.far, TCPDUMP), stderr=errors)
            time.sleep(0.7)
            before = usage(dump.pid)[0]
            sent = sent_by(site, live, mix, rate)
            time.sleep(1.5)
            seconds, resident = usage(dump.pid)
            dump.send_signal(signal.SIGINT)
            dump.wait()
            errors.seek(0)
            text = errors.read()
        captured, dropped = (int(re.search(rf"(\d+) packets {what}", text).group(1)) for what in ["captured", "dropped"])
        found.append([100 * (seconds - before) / SECONDS, resident / 1024, sent, captured, dropped])
    return min(found)


def rates(site, live):
    rows, wrong = [], []
    for mix, rate in LOADS:
        say(f"{mix}, {rate} packets/s")
        for bodies, program in [(True, "**arachne-agent**, wire to server"), (False, "**arachne-agent**, without bodies")]:
            site.configure(bodies)
            cpu, server, resident, sent, captured, dropped, exchanges = rate_ours(site, live, mix, rate)
            if captured + dropped < sent:
                wrong.append(f"{mix}, {rate} packets/s: {sent} sent, {captured} captured, {dropped} dropped")
            rows.append([mix, f"{rate:,}", program, f"{sent:,}", f"{captured:,}", f"{dropped:,}", f"{cpu:.1f}",
                         f"{resident:.0f}", f"{exchanges:,}", f"{server:.1f}"])
        site.configure(True)
        cpu, resident, sent, captured, dropped = rate_theirs(site, live, mix, rate)
        rows.append([mix, f"{rate:,}", "tcpdump -w /dev/null", f"{sent:,}", f"{captured:,}", f"{dropped:,}", f"{cpu:.1f}", f"{resident:.0f}", "–", "–"])
    head = ["mix", "packets/s", "program", "sent", "captured", "kernel drops", "CPU % of a core", "RSS MiB", "exchanges stored", "server's CPU %"]
    return table(head, rows), wrong


def web(site):
    """An nginx with pages of three sizes."""
    folder = f"{site.folder}/nginx"
    os.makedirs(f"{folder}/files")
    chance = random.Random(7)
    for name, size in [("small.json", 600), ("page.json", 8_000), ("large.json", 60_000)]:
        with open(f"{folder}/files/{name}", "w") as file:
            json.dump([chance.randrange(10**9) for _ in range(size // 12)], file)
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(NGINX)
    process = subprocess.Popen(within(site.far, ["nginx", "-p", folder, "-c", "nginx.conf"]), stderr=subprocess.DEVNULL)
    time.sleep(1)
    return process


def wrk(site, script, seconds, connections):
    """Requests a second that wrk got answered, and its slow end in milliseconds."""
    path = f"{site.folder}/visit.lua"
    with open(path, "w") as file:
        file.write(script)
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", path, "http://10.9.0.2/"]
    text = subprocess.run(within(site.near, command), check=True, capture_output=True, text=True).stdout
    slow = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"nginx did not answer all: {text}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), float(slow[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[slow[2]]


# Of ten answers seven are small, two middle, one large: 8 kB on average.
PACKED = """wrk.headers["Accept-Encoding"] = "gzip"
"""
VISIT = """local n, pages = 0, {"small","small","page","small","large","small","small","page","small","small"}
request = function() n = n + 1; return wrk.format("GET", "/" .. pages[n % 10 + 1] .. ".json?n=" .. n) end
"""
SMALL = """local n = 0
request = function() n = n + 1; return wrk.format("GET", "/small.json?n=" .. n) end
"""
# 200 connections that wait 19 ms between their requests are 10 000 requests a second.
PACED = SMALL + "delay = function() return 19 end\n"


def requests(site):
    """10 000 requests a second, bodies on."""
    say("10 000 requests/s")
    found = []
    for _ in range(RUNS):
        site.start()
        begin = time.time_ns()
        (rate, _), agent, server, resident = cost(site, lambda: wrk(site, PACED, SECONDS, 200))
        exchanges = settled(site, begin)
        status = site.status()
        site.end()
        found.append([100 * agent / SECONDS, 100 * server / SECONDS, resident / 1024, rate, exchanges, status["capture"]["kernel_drops"], status["gave_way"]])
    cpu, server, resident, rate, exchanges, dropped, gave_way = min(found, key=lambda one: one[0] / one[3])
    return (f"**{rate:,.0f} requests/s** (small answers, bodies kept): the agent {cpu:.1f} % of a core, {resident:.0f} MiB, {dropped} kernel drops, "
            f"{exchanges:,} of {rate * SECONDS:,.0f} exchanges stored, gave way: {gave_way or 'nothing'}; the server {server:.1f} %.\n\n")


def interval(ratios):
    """The median as a change in per cent, and the interval that holds it in 95 % of cases: ranks of the binomial distribution."""
    ratios = sorted(ratios)
    reach = int(0.98 * PAIRS ** 0.5)
    low, high = ratios[max(0, PAIRS // 2 - 1 - reach)], ratios[min(PAIRS - 1, PAIRS // 2 + reach)]
    return f"{100 * (statistics.median(ratios) - 1):+.1f} % ({100 * (low - 1):+.1f} to {100 * (high - 1):+.1f})"


def watched_by(site, watcher, script):
    """What nginx serves, its slow end, and the watcher's CPU per cent."""
    dump = None
    if watcher == "agent":
        site.start()
    elif watcher == "tcpdump":
        dump = subprocess.Popen(within(site.far, TCPDUMP), stderr=subprocess.DEVNULL)
        time.sleep(0.7)
    process = dump or (site.agent if watcher == "agent" else None)
    before = usage(process.pid)[0] if process else 0
    rate, slow = wrk(site, script, PAIR_SECONDS, 16)
    used = 100 * ((usage(process.pid)[0] if process else 0) - before) / PAIR_SECONDS
    if watcher == "agent":
        site.end()
    elif dump:
        dump.send_signal(signal.SIGINT)
        dump.wait()
    return rate, slow, used


def harm(site, name, script):
    """Throughput of nginx with the agent, and with tcpdump, as a share of that without either; each is first, second and last in turn."""
    arms = ["nobody", "agent", "tcpdump"]
    found = {arm: [] for arm in arms}
    for number in range(PAIRS):
        for arm in arms[number % 3:] + arms[:number % 3]:
            found[arm].append(watched_by(site, arm, script))
        say(f"{name}, {number + 1}: " + ", ".join(f"{arm} {found[arm][-1][0]:,.0f}" for arm in arms) + " requests/s")
    base = found["nobody"]
    rows = []
    for arm, title in [("agent", "**arachne-agent**"), ("tcpdump", "tcpdump -w /dev/null")]:
        shares = [[one[part] / alone[part] for one, alone in zip(found[arm], base)] for part in [0, 1]]
        rows.append([name, f"{statistics.median(one[0] for one in base):,.0f}", title, interval(shares[0]),
                     f"{100 * (statistics.median(shares[1]) - 1):+.0f} %", f"{statistics.median(one[2] for one in found[arm]):.0f}"])
    return rows


def harms(site):
    rows = [*harm(site, "pages packed with gzip, as fast as two cores can", PACKED + VISIT),
            *harm(site, "the same, 1 000 requests/s", PACKED + VISIT + "delay = function() return 15 end\n"),
            *harm(site, "files as they are, as fast as two cores can", VISIT)]
    head = ["nginx serves", "requests/s alone", "watched by", "median throughput (95 %)", "its 99th percentile of latency", "watcher's CPU %"]
    return (f"**Harm**, {PAIRS} times {PAIR_SECONDS} s each with nobody, the agent, tcpdump; nginx, wrk and the watcher share two cores, the server gets "
            "what they leave\n\n" + table(head, rows))


def main():
    arachne, agent, live, report = sys.argv[1:]
    out = [f"Measured {datetime.now(timezone.utc):%Y-%m-%d} at commit {commit()} on {machine()}. The least CPU time of {RUNS} runs of {SECONDS} s.\n\n"]
    folder = tempfile.mkdtemp(prefix="arachne-bench-")
    # nginx reads its pages as another user.
    os.chmod(folder, 0o755)
    site = Site(arachne, agent, folder)
    nginx = None
    try:
        text, wrong = rates(site, live)
        nginx = web(site)
        out += [text, requests(site), harms(site)]
        say("".join(out))
    finally:
        if nginx:
            nginx.terminate()
        site.close()
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    with open(report, "w") as file:
        file.write("".join(out).rstrip() + "\n")
    for line in wrong:
        say(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
