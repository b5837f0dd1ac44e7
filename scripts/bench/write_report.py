#!/usr/bin/env python3
"""Replaces what stands between two marker lines of a page by a report: write_report.py REPORT PAGE SCRIPT.

The first marker names the script that writes there.
"""
import sys

END = "<!-- figures: end -->\n"


def main():
    report, page, script = sys.argv[1:]
    begin = f"<!-- figures: begin, written by {script} -->\n"
    with open(report) as file:
        figures = file.read()
    with open(page) as file:
        before, rest = file.read().split(begin)
    _, after = rest.split(END, 1)
    with open(page, "w") as file:
        file.write(f"{before}{begin}\n{figures}\n{END}{after}")


if __name__ == "__main__":
    main()
