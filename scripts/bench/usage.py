#!/usr/bin/env python3
"""What a command costs: CPU seconds (user and system, all its threads and children), wall seconds, most resident memory.

    usage.py FACTS COMMAND...     runs COMMAND with our standard input and output, writes `cpu_s`, `wall_s`, `rss_kb` and
                                  `code` to FACTS as JSON, ends with the command's exit code

The figures are the kernel's (`wait4`). Resident memory of a process starts at what this script itself had when it was
forked, 10 to 15 MB: smaller figures cannot be seen.
"""
import json
import os
import subprocess
import sys
import time


def run(command, stdin=None, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=None):
    """Runs `command` to its end. `stdout` may be a function that takes the open pipe and reads it to its end."""
    reader = stdout if callable(stdout) else None
    start = time.monotonic()
    child = subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE if reader else stdout, stderr=stderr, cwd=cwd, restore_signals=True
    )
    if reader:
        with child.stdout as pipe:
            reader(pipe)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": time.monotonic() - start,
        "rss_kb": used.ru_maxrss,
        "code": child.returncode,
    }


def main():
    facts = run(sys.argv[2:], stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr)
    with open(sys.argv[1], "w") as out:
        json.dump(facts, out)
    return facts["code"] if facts["code"] >= 0 else 128 - facts["code"]


if __name__ == "__main__":
    sys.exit(main())
