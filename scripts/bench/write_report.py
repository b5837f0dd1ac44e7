#!/usr/bin/env python3
"""Replaces what stands between the two marker lines of a page by a report: write_report.py REPORT PAGE."""
import sys

BEGIN, END = "<!-- figures: begin, written by scripts/bench.sh -->\n", "<!-- figures: end -->\n"


def main():
    report, page = sys.argv[1:]
    with open(report) as file:
        figures = file.read()
    with open(page) as file:
        before, rest = file.read().split(BEGIN)
    _, after = rest.split(END)
    with open(page, "w") as file:
        file.write(f"{before}{BEGIN}\n{figures}\n{END}{after}")


if __name__ == "__main__":
    main()
