#!/usr/bin/env python3
"""Whether arachne's exchanges are those of nginx's own log.

    arachne read --format ndjson --headers --decode never F.pcap | exact.py F.log

F.log (make_capture.sh) has a line for each request: connection, method, status, bytes sent behind the head (chunk framing
counted). Connections have other numbers in a capture than in nginx, so what is compared is the multiset, over all
connections, of the list of (method, status) in the order of the connection. Bodies are compared by length too: equal,
or shorter where the body was chunked or is missing its end.

Prints one JSON object; exit 1 when anything differs.
"""
import json
import sys
from collections import Counter, defaultdict

EXAMPLES = 3


def logged(path):
    """Connections of nginx's log: lists of (method, status, bytes)."""
    found = defaultdict(list)
    with open(path) as lines:
        for line in lines:
            connection, method, status, size = line.split()
            found[connection].append((method, int(status), int(size)))
    return found.values()


def read(lines):
    """Connections of ndjson: lists of (method, status, bytes, whether the framing says them exactly)."""
    found = defaultdict(list)
    for line in lines:
        row = json.loads(line)
        fields = {name.lower(): value.lower() for name, value in row.get("http.response.headers") or []}
        whole = "chunked" not in fields.get("transfer-encoding", "") and not row["anomalies"]
        key = (row["tcp.session"], row["client.address"], row["client.port"])
        size = row["http.response.body.size"] or 0
        found[key].append((row["http.request.method"], row["http.response.status_code"], size, whole))
    return found.values()


def sequences(connections):
    return Counter(tuple((method, status) for method, status, *_ in rows) for rows in connections)


def bodies(wanted, found):
    """Rows whose body length was compared, and of those the ones that differ: a multiset as well."""
    exact = Counter((m, s, size) for rows in found for m, s, size, whole in rows if whole)
    log = Counter((m, s, size) for rows in wanted for m, s, size in rows)
    return sum(exact.values()), sum((exact - log).values())


def main():
    wanted, found = list(logged(sys.argv[1])), list(read(sys.stdin))
    want, have = sequences(wanted), sequences(found)
    missing, extra = want - have, have - want
    compared, differ = bodies(wanted, found)
    result = {
        "exchanges_logged": sum(map(len, wanted)),
        "exchanges": sum(map(len, found)),
        "connections_logged": len(wanted),
        "connections": len(found),
        "connections_missing": sum(missing.values()),
        "connections_extra": sum(extra.values()),
        "bodies_compared": compared,
        "bodies_differ": differ,
        "exact": not missing and not extra and not differ,
    }
    if not result["exact"]:
        result["missing"] = [key[:6] for key in list(missing)[:EXAMPLES]]
        result["extra"] = [key[:6] for key in list(extra)[:EXAMPLES]]
    print(json.dumps(result))
    return 0 if result["exact"] else 1


if __name__ == "__main__":
    sys.exit(main())
