"""`python -m scanners.raw_helper`: reads requests as JSON lines, sends frames, answers as JSON lines.

First line: {"interface", "source_ip", "scope": ScopeRule}. Then {"id", "op": "arp" | "icmp", "targets", "macs"?, "rate"}; each is
answered by {"id", "found": {...}} or {"id", "error": words}. Every target is checked against the scope once more. Both sockets are
opened first; then every right is given up. Imports only agent.model, scapy and the standard library.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from agent.model.scope import ScopeRule
from scanners.raw_helper.rights import give_up
from scanners.raw_helper.sweep import ArpSweep, EchoSweep

MAX_LINE = 4 * 1024 * 1024


def main() -> int:
    try:
        first = json.loads(sys.stdin.readline(MAX_LINE))
        scope = ScopeRule.model_validate(first["scope"])
        arp = ArpSweep(first["interface"], first["source_ip"])
        echo = EchoSweep(first["interface"], first["source_ip"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        _say({"ready": False, "error": f"{type(error).__name__}: {error}"[:300]})
        return 1
    kept = give_up()
    _say({"ready": True, "rights": kept})
    while line := sys.stdin.readline(MAX_LINE):
        request: Any = None
        try:
            request = json.loads(line)
            targets = [str(t) for t in request["targets"]]
            rate = max(1, min(500, int(request["rate"])))
            for target in targets:
                if (verdict := scope.judge(target)) != "allowed":
                    raise ValueError(f"{target} is {verdict}")
            found: Any
            if request["op"] == "arp":
                found = arp.run(targets, rate)
            elif request["op"] == "icmp":
                found = echo.run({t: str(request["macs"][t]) for t in targets}, rate)
            else:
                raise ValueError("no such operation")
            _say({"id": request["id"], "found": found})
        except (ValueError, KeyError, TypeError, OSError) as error:
            mine = request.get("id") if isinstance(request, dict) else None
            _say({"id": mine, "error": f"{type(error).__name__}: {error}"[:300]})
    return 0


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
