"""`python -m tests.bench [PART]`: runs tests/bench/part_*.py and prints one JSON object a line.

Without PART each part runs in a process of its own, so that one that dies (traceback on stderr, exit 1) does not take the others along.
Exit 2: no such part."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path


def main(argv: list[str]) -> int:
    here = Path(__file__).parent
    parts = sorted(p.stem.removeprefix("part_") for p in here.glob("part_*.py"))
    if unknown := [p for p in argv if p not in parts]:
        print(f"no part {unknown[0]!r}; there are: {', '.join(parts)}", file=sys.stderr)
        return 2
    if len(argv) == 1:
        for figure in importlib.import_module(f"tests.bench.part_{argv[0]}").figures():
            print(json.dumps(figure.row(), allow_nan=False), flush=True)
        return 0
    alone = [[sys.executable, "-m", "tests.bench", part] for part in argv or parts]
    return int(any([subprocess.run(command, check=False).returncode for command in alone]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
