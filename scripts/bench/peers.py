"""Other programs that read HTTP out of capture files, as far as they are installed.

Each is asked for the part of our job that it can do; `does` says which. None is tuned: options are those that make it
read a file without name look-ups and write its findings to a file.
"""
import os
import re
import shutil
from dataclasses import dataclass
from typing import Callable, Optional

TSHARK = ["tshark", "-n", "-Y", "http", "-T", "fields", "-e", "tcp.stream", "-e", "http.request.method",
          "-e", "http.response.code", "-e", "http.host", "-e", "http.request.uri"]
OUT_OF_ORDER = ["-o", "tcp.reassemble_out_of_order:TRUE"]


@dataclass
class Peer:
    name: str
    does: str
    # Arguments for (capture, directory that is empty at the start).
    command: Callable[[str, str], list]
    # Requests and answers it listed, from (its standard output, its directory); None where it lists none.
    count: Optional[Callable[[str, str], tuple]] = None
    # Runs on the disturbed copies too: the question there is what it finds, not how fast.
    on_copies: bool = False


def count_tshark(output, _):
    requests = answers = 0
    with open(output, errors="replace") as lines:
        for line in lines:
            _, methods, codes, *_ = line.rstrip("\n").split("\t")
            requests += len(methods.split(",")) if methods else 0
            answers += sum(not code.startswith("1") for code in codes.split(",")) if codes else 0
    return requests, answers


def count_httpry(_, folder):
    requests = answers = 0
    with open(os.path.join(folder, "log"), errors="replace") as lines:
        for line in lines:
            direction = line.split("\t")[3:4]
            requests += direction == [">"]
            answers += direction == ["<"]
    return requests, answers


def count_ngrep(output, _):
    requests = answers = 0
    with open(output, errors="replace") as lines:
        for line in lines:
            found = re.search(r"(?:^|\s)(HTTP/1\.[01] \d{3}|(?:GET|POST|HEAD|DELETE) /)", line)
            requests += bool(found and not found[1].startswith("HTTP"))
            answers += bool(found and found[1].startswith("HTTP"))
    return requests, answers


def count_bodies(_, folder):
    return None, sum("HTTPBODY" in name for name in os.listdir(folder))


def count_lines(output, _):
    with open(output, errors="replace") as lines:
        return sum(1 for _ in lines), None


PEERS = [
    Peer("tshark -Y http -T fields", "everything", lambda file, _: TSHARK + ["-r", file], count_tshark, True),
    Peer("tshark, out-of-order reassembly on", "everything", lambda file, _: TSHARK + OUT_OF_ORDER + ["-r", file],
         count_tshark, True),
    Peer("tcpflow -e http", "streams and bodies to files", lambda file, to: ["tcpflow", "-q", "-e", "http", "-o", to, "-r", file],
         count_bodies),
    Peer("tcpflow", "streams to files, no HTTP", lambda file, to: ["tcpflow", "-q", "-o", to, "-r", file]),
    Peer("httpry", "per packet, no reassembly", lambda file, to: ["httpry", "-q", "-o", os.path.join(to, "log"), "-r", file],
         count_httpry, True),
    Peer("ngrep", "per packet, no reassembly",
         lambda file, _: ["ngrep", "-q", "-W", "single", "-I", file, "^(GET|POST|HEAD|DELETE|HTTP)"], count_ngrep),
    Peer("urlsnarf", "requests alone", lambda file, _: ["urlsnarf", "-n", "-p", file], count_lines),
    Peer("ndpiReader", "flows alone", lambda file, _: ["ndpiReader", "-i", file]),
    Peer("tcptrace", "connections alone", lambda file, _: ["tcptrace", "-n", file]),
]


def installed():
    """The peers that can run here, and the names of the others."""
    there = [peer for peer in PEERS if shutil.which(peer.command("", "")[0])]
    return there, [peer.name for peer in PEERS if peer not in there]
