"""Where the time of a command goes, by stage of the engine: `perf record`, and symbols grouped by their module."""
import re
import shutil
import subprocess
import tempfile
from collections import Counter

from usage import run

# The first pattern that a symbol (or its file) fits names the stage. What the compiler inlined counts for where it went.
STAGES = [
    ("kernel (reading the file)", r"\[k\]"),
    ("unpacking bodies", r"zlib_rs|brotli|zstd|ZSTD|arachne_content"),
    ("file records, frames, checksums", r"arachne_capture|arachne_wire::(packet|checksum)"),
    ("flow table, reassembly", r"arachne_wire::(shard|tcp|flow|engine)"),
    ("HTTP", r"arachne_wire::(protocol|conversation)|arachne_model"),
    ("rows of output", r"arachne_cli|itoa"),
    ("allocator", r"\bmi_|_mi_|malloc|_int_free|cfree|realloc"),
    ("copying, comparing, searching bytes", r"mem(move|cpy|cmp|set)|memchr"),
]
ROW = re.compile(r"^\s*([\d.]+)%\s+(.*)$")


def stages(command):
    """Shares in per cent by stage, or None where the machine lets nobody profile."""
    if not shutil.which("perf"):
        return None
    with tempfile.NamedTemporaryFile() as data:
        run(["perf", "record", "-q", "-F", "5000", "-o", data.name, "--", *command])
        report = subprocess.run(
            ["perf", "report", "-i", data.name, "--no-children", "--stdio", "-F", "overhead,symbol"],
            capture_output=True, text=True, check=False).stdout
    shares = Counter()
    for share, symbol in (found.groups() for line in report.splitlines() if (found := ROW.match(line))):
        stage = next((name for name, pattern in STAGES if re.search(pattern, symbol)), "other")
        shares[stage] += float(share)
    return shares if shares else None
