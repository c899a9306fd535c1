"""Rebuilds `agent/catalogs/enterprise_numbers.tsv.gz` from IANA's list of private enterprise numbers, for whoever refreshes the catalogue.

    apt-get download ipmitool && dpkg -x ipmitool_*.deb x
    python tools/build_enterprises.py x/usr/share/misc/enterprise-numbers.txt --source "Debian ipmitool"

The list is https://www.iana.org/assignments/enterprise-numbers (the text itself is accepted as well). Only the number and the
organisation are kept: contacts and their addresses are people's and of no use here.
"""

from __future__ import annotations

import argparse
import gzip
import re
from pathlib import Path

TARGET = Path(__file__).parent.parent / "agent" / "catalogs" / "enterprise_numbers.tsv.gz"
_ENTRY = re.compile(r"^(\d+)\r?\n {2}(\S.*)$", re.MULTILINE)
_UPDATED = re.compile(r"\(last updated ([\d-]+)\)")
_NOBODY = {"reserved", "unassigned", "none", "---none---", "removed upon request"}
LONGEST = 60


def read(text: str) -> dict[int, str]:
    """Number -> organisation, one line of at most `LONGEST` characters."""
    found: dict[int, str] = {}
    for number, name in _ENTRY.findall(text):
        clean = " ".join(name.split())[:LONGEST].strip()
        if clean.lower() not in _NOBODY:
            found[int(number)] = clean
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--source", required=True, help="where the file was taken from")
    options = parser.parse_args()
    text = options.file.read_text("utf-8", errors="replace")
    rows, updated = read(text), _UPDATED.search(text)
    day = updated[1] if updated else "unknown"
    head = f"# IANA private enterprise numbers, https://www.iana.org/assignments/enterprise-numbers, last updated {day}; {options.source}"
    lines = [head, *(f"{number}\t{rows[number]}" for number in sorted(rows))]
    # mtime 0: the same list gives the same bytes.
    TARGET.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
    print(f"{len(rows)} organisations, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
