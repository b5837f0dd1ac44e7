#!/usr/bin/env python3
"""What a command costs: CPU seconds (user and system, all its threads and children), wall seconds, most resident memory.

    usage.py FACTS COMMAND...     runs COMMAND with our standard input and output, writes `cpu_s`, `wall_s`, `rss_kb` and
                                  `code` to FACTS as JSON, ends with the command's exit code

The figures are the kernel's (`wait4`). Resident memory of a process starts at what its parent had when it was forked, so
`run` puts a fresh small process of this script in between; less than its 10 to 15 MB cannot be seen.
"""
import json
import os
import subprocess
import sys
import tempfile
import time


def run(command, stdin=None, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=None):
    """Runs `command` to its end. `stdout` may be a function that takes the open pipe and reads it to its end."""
    reader = stdout if callable(stdout) else None
    with tempfile.NamedTemporaryFile("r") as facts:
        child = subprocess.Popen(
            [sys.executable, "-S", os.path.abspath(__file__), facts.name, *command], stdin=stdin,
            stdout=subprocess.PIPE if reader else stdout, stderr=stderr, cwd=cwd)
        if reader:
            with child.stdout as pipe:
                reader(pipe)
        child.wait()
        return json.load(facts)


def main():
    start = time.monotonic()
    child = subprocess.Popen(sys.argv[2:])
    _, status, used = os.wait4(child.pid, 0)
    code = child.returncode = os.waitstatus_to_exitcode(status)
    facts = {
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": time.monotonic() - start,
        "rss_kb": used.ru_maxrss,
        "code": code,
    }
    with open(sys.argv[1], "w") as out:
        json.dump(facts, out)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
