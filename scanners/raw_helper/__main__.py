"""`python -m scanners.raw_helper`: reads requests as JSON lines, sends frames, answers as JSON lines.

First line: {"interface", "source_ip", "scope": ScopeRule}. Then {"id", "op": "arp" | "icmp", "targets", "macs"?, "rate"}; each is
answered by {"id", "found": {...}} or {"id", "error": words}. Every target is checked against the scope once more. Both sockets are
opened first; then every right is given up. Imports only agent.model, scapy and the standard library.
"""

from __future__ import annotations

import json
import sys
from typing import IO, Any

from agent.model.scope import ScopeRule
from scanners.raw_helper.rights import give_up
from scanners.raw_helper.sweep import ArpSweep, EchoSweep

MAX_LINE = 4 * 1024 * 1024
MAX_RATE = 500
MAX_TARGETS = 4096


def main() -> int:
    try:
        first = _object(sys.stdin.buffer.readline(MAX_LINE))
        scope = ScopeRule.model_validate(first["scope"])
        scope.size()  # ranges are read when first needed: better now than later
        arp = ArpSweep(str(first["interface"]), str(first["source_ip"]))
        echo = EchoSweep(str(first["interface"]), str(first["source_ip"]))
    except (ValueError, KeyError, TypeError, OSError) as error:
        _say({"ready": False, "error": _words(error)})
        return 1
    try:
        left = give_up()
    except OSError as error:
        # With rights it was to give up it does not go on.
        _say({"ready": False, "error": f"could not give up its rights: {_words(error)}"})
        return 1
    _say({"ready": True, "rights": left})
    while (line := _line(sys.stdin.buffer)) is not None:
        mine: Any = None
        try:
            request = _object(line)
            mine = request.get("id")
            _say({"id": mine, "found": _answer(request, scope, arp, echo)})
        except (ValueError, KeyError, TypeError, OSError, OverflowError) as error:
            _say({"id": mine, "error": _words(error)})
    return 0


def _answer(request: dict[str, Any], scope: ScopeRule, arp: ArpSweep, echo: EchoSweep) -> Any:
    targets = [str(t) for t in request["targets"]]
    if len(targets) > MAX_TARGETS:
        raise ValueError(f"more than {MAX_TARGETS} targets")
    rate = max(1, min(MAX_RATE, int(request["rate"])))
    for target in targets:
        if (verdict := scope.judge(target)) != "allowed":
            raise ValueError(f"{target} is {verdict}")
    if request["op"] == "arp":
        return arp.run(targets, rate)
    if request["op"] == "icmp":
        return echo.run({t: str(request["macs"][t]) for t in targets}, rate)
    raise ValueError("no such operation")


def _line(source: IO[bytes]) -> bytes | None:
    """The next line; one that is too long is passed over to its end and comes back as no JSON. None at the end."""
    line = source.readline(MAX_LINE)
    if not line:
        return None
    long = False
    while line and not line.endswith(b"\n") and len(line) >= MAX_LINE:
        long = True
        line = source.readline(MAX_LINE)
    return b"" if long else line


def _object(line: bytes) -> dict[str, Any]:
    try:
        # Not of bytes: json would look for UTF-16 and load its codec, from folders we may no longer read.
        found = json.loads(line.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("a request is a JSON object")
    return found


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
