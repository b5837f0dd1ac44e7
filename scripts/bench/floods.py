#!/usr/bin/env python3
"""Memory and survival: a long stream, floods, and ordinary traffic in the middle of floods. See `make soak`.

    floods.py ARACHNE TESTKIT STREAM_BYTES [BIG_PY]

BIG_PY makes floods (`big.py KIND - N`); without it the stream and our own holes.py are read. Prints a table row for each load. Exit 1 when
memory passed the bound, exchanges are missing, or the equations of --stats do not hold.
"""
import json
import os
import subprocess
import sys
import tempfile

from usage import run

RSS_KB_MAX = 150 * 1024
SMALL = int(os.environ.get("SOAK_DIVISOR", "1"))
# Kind, size, and exchanges that must come out: whole ones, halves (a request without answer), or None: not judged.
FLOODS = [
    ("synflood", 1_000_000, 0),
    ("spray", 1_000_000, 0),
    ("openflows", 200_000, "all"),
    ("openflows", 1_000_000, "all"),
    ("gaps", 200_000, "all"),
    ("ooo", 1_000_000, 0),
    ("slow", 20_000, "all"),
]
HOLES = 200_000
# Floods with ordinary traffic among them: kind, size, bytes of ordinary traffic.
MERGED = [("synflood", 1_000_000, "300M"), ("openflows", 400_000, "300M"), ("gaps", 200_000, "300M"), ("spray", 1_000_000, "300M")]
HERE = os.path.dirname(os.path.abspath(__file__))


class Load:
    """One run of arachne over a pipe, and what came out."""

    def __init__(self, arachne, source):
        self.rows = self.ordinary = 0
        with tempfile.TemporaryFile() as errors:
            command = [arachne, "read", "-q", "--stats", "--format", "ndjson", "--decode", "never", "-"]
            self.used = run(command, stdin=source.stdout, stdout=self.count, stderr=errors)
            source.stdout.close()
            self.made = source.wait()
            errors.seek(0)
            lines = errors.read().decode(errors="replace").splitlines() or ["{}"]
        self.stats = json.loads(lines[-1]) if lines[-1].startswith("{") else {"error": lines[-1]}

    def count(self, pipe):
        for row in pipe:
            self.rows += 1
            self.ordinary += b'"url.path":"/item/' in row and b'"http.response.status_code":200' in row

    def problems(self):
        if self.used["code"] != 0 or self.made != 0:
            yield f"exit codes {self.used['code']} and {self.made}: {self.stats.get('error', '')}"
        if self.used["rss_kb"] > RSS_KB_MAX:
            yield f"{self.used['rss_kb']} kB are over {RSS_KB_MAX} kB"
        for name, s in self.stats.items():
            if isinstance(s, dict) and "in" in s and s["in"] != s["out"] + sum(s["dropped"].values()) + s["in_flight"]:
                yield f"{name}: in is not out + dropped + in flight"

    def print(self, name, wanted):
        packets = self.stats.get("packets", {}).get("in", 0)
        held, flags = self.stats.get("held_bytes_max", 0), ", ".join(self.stats.get("anomalies", [])) or "–"
        problems = list(self.problems())
        if wanted is not None and wanted != self.rows and wanted != self.ordinary:
            problems.append(f"{wanted} exchanges were made")
        found = f"{self.rows:,}" if self.ordinary in (0, self.rows) else f"{self.ordinary:,} ordinary, {self.rows:,} in all"
        print(f"| {name} | {packets:,} | {found} | {self.used['rss_kb'] / 1024:.0f} | {held / (1 << 20):.0f} | "
              f"{self.used['cpu_s']:.2f} | {flags} | {'; '.join(problems) or 'ok'} |", flush=True)
        return not problems


def piped(command, **how):
    return subprocess.Popen(command, stdout=subprocess.PIPE, **how)


def fact(path, name):
    with open(path) as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name + " "))


def stream(arachne, testkit, size):
    with tempfile.NamedTemporaryFile("w+") as facts:
        load = Load(arachne, piped([testkit, "stream", "--bytes", size], stderr=facts))
        return load.print(f"stream of {size} bytes", fact(facts.name, "exchanges"))


def merged(arachne, testkit, big, kind, size, ordinary):
    """Ordinary traffic must come out whole, whatever the flood does to the rest."""
    with tempfile.TemporaryDirectory() as folder:
        flood, shop, facts = f"{folder}/flood", f"{folder}/shop", f"{folder}/facts"
        with open(flood, "wb") as out:
            subprocess.run([sys.executable, big, kind, "-", str(size)], stdout=out, check=True)
        with open(shop, "wb") as out, open(facts, "w") as told:
            subprocess.run([testkit, "stream", "--bytes", ordinary], stdout=out, stderr=told, check=True)
        load = Load(arachne, piped([sys.executable, f"{HERE}/merge_pcap.py", flood, shop]))
        return load.print(f"{kind} {size:,} with {ordinary} of ordinary traffic", fact(facts, "exchanges"))


def main():
    arachne, testkit, size, *big = sys.argv[1:]
    print("| load | packets | exchanges | VmHWM MiB | held MiB | CPU s | flags | |\n|---|---|---|---|---|---|---|---|", flush=True)
    good = stream(arachne, testkit, size)
    count = HOLES // SMALL
    load = Load(arachne, piped([sys.executable, f"{HERE}/holes.py", "-", str(count)]))
    good &= load.print(f"holes both ways {count:,}", 0)
    if not big:
        return 0 if good else 1
    for kind, full, wanted in FLOODS:
        count = full // SMALL
        load = Load(arachne, piped([sys.executable, big[0], kind, "-", str(count)]))
        good &= load.print(f"{kind} {count:,}", count if wanted == "all" else wanted)
    for kind, full, ordinary in MERGED:
        good &= merged(arachne, testkit, big[0], kind, full // SMALL, ordinary)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
