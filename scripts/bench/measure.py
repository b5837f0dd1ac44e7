#!/usr/bin/env python3
"""Speed of `arachne read` beside its peers, and whether what it read is right, in one run. See `make bench`.

    measure.py DATA ARACHNE REPORT.md

DATA holds http-1.pcap and http-api.pcap with nginx's log beside each (.log), their reordered copies (-reordered) and their
wrapped ones (-wrapped). Prints progress on stderr, writes tables to REPORT.md. Exit 1 when anything is not exact:
exchanges against nginx's log on every file, the equations of --stats, and the output of 1, 2, 4 and 8 threads.
"""
import hashlib
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

import profile_stages
from peers import installed
from usage import run

RUNS = int(os.environ.get("BENCH_RUNS", "7"))
PEER_RUNS = int(os.environ.get("BENCH_PEER_RUNS", "2"))
HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"http-1": "web", "http-api": "api"}
COPIES = ["", "-reordered", "-wrapped"]
NEVER = ["--decode", "never", "--threads", "1"]
SETTINGS = [
    ("1 thread", NEVER),
    ("1 thread, decoding", ["--decode", "auto", "--threads", "1"]),
    ("2 threads", ["--decode", "never", "--threads", "2"]),
]
# Packets per CPU second of one thread that the project promises, by (capture, setting).
BARS = {("http-1", 0): 3.0e6, ("http-api", 0): 1.6e6, ("http-1", 1): 1.2e6}


def say(text):
    print(text, file=sys.stderr, flush=True)


def packets(path):
    """Packets of a little-endian pcap file. Reads it whole, so that it is in the page cache afterwards."""
    count = 0
    with open(path, "rb", buffering=1 << 20) as file:
        file.read(24)
        while len(header := file.read(16)) == 16:
            file.read(struct.unpack("<8xI4x", header)[0])
            count += 1
    return count


def read_command(arachne, file, options):
    return [arachne, "read", "-q", "--format", "ndjson", *options, file]


def best(runs, command, **how):
    """The run of least CPU time: whatever else the machine does can only add."""
    results = [run(command, **how) for _ in range(runs)]
    failed = [result["code"] for result in results if result["code"] != 0]
    return min(results, key=lambda result: result["cpu_s"]), failed


def instructions(command):
    """Instructions and cycles in user mode, where the machine lets them be counted."""
    if not shutil.which("perf"):
        return None
    with tempfile.NamedTemporaryFile("r") as out:
        run(["perf", "stat", "-x,", "-e", "instructions:u,cycles:u", "-o", out.name, "--", *command])
        counts = [line.split(",")[0] for line in out if ":u" in line]
    return [int(count) for count in counts] if len(counts) == 2 and all(c.isdigit() for c in counts) else None


# --- exactness --------------------------------------------------------------------------------------------------------


def against_log(arachne, file, log):
    """What exact.py says. A process of its own: this one must stay small (see usage.py)."""
    reader = subprocess.Popen(
        read_command(arachne, file, ["--headers", "--decode", "never"]), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with reader.stdout as rows:
        answer = subprocess.run([sys.executable, f"{HERE}/exact.py", log], stdin=rows, stdout=subprocess.PIPE, check=False)
    code = reader.wait()
    result = json.loads(answer.stdout)
    result["exact"] = result["exact"] and code == 0
    return result


def unbalanced(arachne, file):
    """Stages whose input is not what left them, was dropped with a reason, or is in flight."""
    with tempfile.TemporaryFile() as errors:
        run(read_command(arachne, file, ["--decode", "never", "--stats"]), stderr=errors)
        errors.seek(0)
        stats = json.loads(errors.read().splitlines()[-1])
    stages = {name: stage for name, stage in stats.items() if isinstance(stage, dict) and "in" in stage}
    return [name for name, s in stages.items() if s["in"] != s["out"] + sum(s["dropped"].values()) + s["in_flight"]]


def threads_agree(arachne, file):
    """Whether 1, 2, 4 and 8 threads write the same bytes."""
    digests = set()
    for threads in ("1", "2", "4", "8"):
        digest = hashlib.sha256()

        def feed(pipe):
            while block := pipe.read(1 << 16):
                digest.update(block)

        run(read_command(arachne, file, ["--decode", "auto", "--threads", threads]), stdout=feed)
        digests.add(digest.hexdigest())
    return len(digests) == 1


def check(arachne, data):
    """Rows of the table of exactness, and what was wrong."""
    rows, wrong = [], []
    for base in NAMES:
        for copy in COPIES:
            name = base + copy
            file = f"{data}/{name}.pcap"
            say(f"checking {name}")
            found = against_log(arachne, file, f"{data}/{base}.log")
            stages, same = unbalanced(arachne, file), threads_agree(arachne, file)
            if not found["exact"]:
                wrong.append(f"{name}: not what nginx logged: {json.dumps(found)}")
            if stages:
                wrong.append(f"{name}: the equations do not hold for {', '.join(stages)}")
            if not same:
                wrong.append(f"{name}: the output depends on the number of threads")
            rows.append([
                name, f"{found['exchanges']:,} of {found['exchanges_logged']:,}",
                f"{found['connections_logged'] - found['connections_missing']:,} of {found['connections_logged']:,}",
                f"{found['bodies_compared'] - found['bodies_differ']:,} of {found['bodies_compared']:,}",
                "yes" if not stages else "NO", "yes" if same else "NO"])
    return rows, wrong


# --- speed ------------------------------------------------------------------------------------------------------------


def speed_row(name, does, used, count, size, slowest, found):
    ratio = f"{slowest / used['cpu_s']:.1f}" if slowest else "–"
    return [name, does, f"{used['cpu_s']:.3f}", f"{used['wall_s']:.2f}", f"{count / used['cpu_s'] / 1e3:,.0f}",
            f"{size * 8 / used['cpu_s'] / 1e9:.2f}", f"{used['rss_kb'] / 1000:,.0f}", ratio, found]


def listed(counts):
    return " / ".join("–" if n is None else f"{n:,}" for n in counts) if counts else "–"


def run_peer(peer, file, runs):
    """Best use, and what it listed in its last run."""
    results = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as output:
            results.append(run(peer.command(file, folder), stdout=output, cwd=folder))
            counts = peer.count(output.name, folder) if peer.count else None
    return min(results, key=lambda used: used["cpu_s"]), counts


def speed(arachne, data, base, there):
    """Rows of the speed table of one capture, bars that were missed, and counts of instructions."""
    file = f"{data}/{base}.pcap"
    count, size = packets(file), os.path.getsize(file)
    peers = []
    for peer in there:
        say(f"{base}: {peer.name}")
        peers.append((peer, *run_peer(peer, file, PEER_RUNS)))
    tshark = next((used["cpu_s"] for peer, used, _ in peers if peer.name.startswith("tshark")), None)
    rows, missed = [], []
    for at, (setting, options) in enumerate(SETTINGS):
        say(f"{base}: arachne, {setting}")
        used, failed = best(RUNS, read_command(arachne, file, options))
        if failed:
            sys.exit(f"arachne ended with {failed[0]} on {file}")
        rows.append(speed_row(f"**arachne read**, {setting}", "everything", used, count, size, tshark, "see below"))
        bar = BARS.get((base, at))
        if bar and count / used["cpu_s"] < bar:
            missed.append(f"{NAMES[base]}, {setting}: {count / used['cpu_s'] / 1e6:.2f} of {bar / 1e6:.1f} M packets/s")
    for peer, used, counts in peers:
        rows.append(speed_row(peer.name, peer.does, used, count, size, tshark, listed(counts)))
    counted = instructions(read_command(arachne, file, NEVER))
    return rows, missed, counted and (count, *counted), f"{size / 1e6:,.0f} MB, {count:,} packets"


def on_copies(data, there):
    """What peers list on the disturbed copies."""
    rows = []
    for base in NAMES:
        for copy in COPIES[1:]:
            for peer in (peer for peer in there if peer.on_copies):
                say(f"{base}{copy}: {peer.name}")
                used, counts = run_peer(peer, f"{data}/{base}{copy}.pcap", 1)
                rows.append([base + copy, peer.name, listed(counts), f"{used['cpu_s']:.2f}"])
    return rows


# --- report -----------------------------------------------------------------------------------------------------------


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines) + "\n"


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(open("/proc/meminfo").readline().split()[1]) / 1e6
    load = " ".join(f"{load:.2f}" for load in os.getloadavg())
    return f"{os.cpu_count()} × {model}, {memory:.0f} GB, Linux {platform.release()}; load average at the start {load}"


def profiles(arachne, data):
    """Columns: how the time of each job splits over the stages."""
    jobs = [("web", "http-1", NEVER), ("api", "http-api", NEVER), ("web, decoding", "http-1", SETTINGS[1][1])]
    found = [(name, profile_stages.stages(read_command(arachne, f"{data}/{base}.pcap", options))) for name, base, options in jobs]
    if not all(shares for _, shares in found):
        return ""
    names = [name for name, _ in profile_stages.STAGES] + ["other"]
    return "**Where the time goes**, per cent of the samples of one thread\n\n" + table(
        ["stage", *(name for name, _ in found)], [[name, *(f"{shares[name]:.0f}" for _, shares in found)] for name in names])


def commit():
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "?"


def main():
    data, arachne, report = sys.argv[1:]
    out = [f"Measured {datetime.now(timezone.utc):%Y-%m-%d} at commit {commit()} on {machine()}. "
           f"Best of {RUNS} (peers {PEER_RUNS}) runs by CPU time, files in the page cache.\n\n"]
    there, absent = installed()
    for name in absent:
        say(f"skipped, not installed: {name}")
    exact, wrong = check(arachne, data)
    missed, counted = [], []
    for base in NAMES:
        rows, slow, counts, facts = speed(arachne, data, base, there)
        missed += slow
        counted += [(NAMES[base], *counts)] if counts else []
        out.append(f"**{NAMES[base]}** ({base}.pcap: {facts})\n\n" + table(
            ["tool", "does", "CPU s", "wall s", "k packets/CPU s", "Gbit/CPU s", "RSS MB", "× tshark", "requests / answers"],
            rows))
    out.append("**Exactness of arachne**, same run\n\n" + table(
        ["capture", "exchanges", "connections equal to the log", "body lengths equal", "equations hold",
         "1, 2, 4, 8 threads alike"], exact))
    copies = on_copies(data, there) if os.environ.get("BENCH_COPIES", "1") != "0" else []
    if copies:
        out.append("**Peers on the copies**\n\n" + table(["capture", "tool", "requests / answers", "CPU s"], copies))
    if counted:
        out.append("**Instructions**, one thread, `--decode never`, user mode\n\n" + table(
            ["capture", "instructions per packet", "cycles per packet", "instructions per cycle"],
            [[name, f"{i / n:,.0f}", f"{c / n:,.0f}", f"{i / c:.2f}"] for name, n, i, c in counted]))
    out.append(profiles(arachne, data))
    out.append("".join(f"- below its bar: {line}\n" for line in missed))
    with open(report, "w") as file:
        file.write("".join(out).rstrip() + "\n")
    for line in wrong:
        say(f"NOT EXACT: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
