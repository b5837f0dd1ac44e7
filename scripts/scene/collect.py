#!/usr/bin/env python3
"""Prints what the agent of a service of the scene collects: the rule for its log, and what else is told.

Usage: collect.py LOG SERVICE [MORE], where MORE is JSON such as {"checks": ["http://10.20.0.31:8080/healthz"]}; SCENE_AGENT is
JSON of further settings of the agent, such as {"capture": false}

Lines are such as this one, in which each stage becomes a value with the labels `handler` and `stage`:

  2026-11-22 10:00:00,123 INFO [SHOP-PAGE-001] timings for /cart: work=12.10 pricing=40.20 total=53.00 code=200 request_id=ab
"""

import json
import os
import sys

log, service = sys.argv[1:3]
more = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
labels = [{"name": "handler", "value": "=handler"}, {"name": "stage", "value": "=name"}]
rule = {
    "name": f"{service} timings",
    "expression": r"^(?P<at>\S+ \S+),\d+ \w+ \[[^\]]+\] timings for (?P<handler>\S+): (?P<stages>.*) code=(?P<code>\d+) request_id=\S+$",
    "time_field": "at",
    "time_format": "2006-01-02 15:04:05",
    "each": "stages",
    "each_skip": ["total"],
    "metrics": [
        {"name": "app.stage.time", "percentiles": True, "value": "ms2sec:value", "percents": [5000, 9500, 9900], "labels": labels},
        {"name": "app.stage.seconds", "value": "ms2sec:value", "labels": labels},
    ],
}
own = {"file": log, "service": service, "rule": rule}
# The host itself and nginx are read by one agent: all hosts of the scene are one machine.
settings = json.loads(os.environ.get("SCENE_AGENT", "{}"))
print(json.dumps({**settings, "collect": {"system": False, "process": False, "nginx": False, "logs": [own], **more}}))
