"""`python -m scanners.nmap_helper`: reads requests as JSON lines, runs nmap on one host after the other, answers as JSON lines.

First line: {"scope": ScopeRule}. Then {"id", "hosts", "ports", "arguments"?, "timeout_s"?}; answered by
{"id", "host", "ports": [...], "os": [...]} for each host as soon as it is done, so that what was found survives our end, then
{"id", "done": true} or {"id", "error": words}. Every host is checked against the scope. SIGTERM, and the end of our parent, end nmap
too. Imports only agent.model, nmap and the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from types import FrameType
from typing import Any

from agent.model.scope import ScopeRule
from scanners.nmap_helper.request import BadRequest, Request, parse

MAX_LINE = 1024 * 1024
SLACK_S = 30
"""Beyond nmap's own host time-out, before it is killed."""
SYSTEMS = 3
_PR_SET_PDEATHSIG = 1


def main() -> int:
    _die_together()
    try:
        import nmap
    except ImportError as error:
        _say({"ready": False, "error": f"python-nmap is not installed ({error.name})"})
        return 1
    try:
        scope = ScopeRule.model_validate(json.loads(sys.stdin.buffer.readline(MAX_LINE))["scope"])
        scanner = nmap.PortScanner()
    except nmap.PortScannerError:
        _say({"ready": False, "error": "the program nmap is not installed"})
        return 1
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        _say({"ready": False, "error": f"the first line is no scope ({type(error).__name__})"})
        return 1
    _say({"ready": True, "version": ".".join(map(str, scanner.nmap_version()))})
    while line := sys.stdin.buffer.readline(MAX_LINE):
        raw: Any = None
        try:
            raw = json.loads(line)
            _answer(scanner, parse(raw, scope))
        except (ValueError, RecursionError) as error:
            words = str(error) if isinstance(error, BadRequest) else type(error).__name__
            _say({"id": raw.get("id") if isinstance(raw, dict) else None, "error": words[:300]})
        except nmap.PortScannerError as error:
            _say({"id": raw["id"], "error": f"nmap: {error}"[:300]})
    return 0


def _answer(scanner: Any, request: Request) -> None:
    for host in request.hosts:
        # One host a process: nmap's answer is read at its end only, and a time-out would lose those of the others.
        found = scanner.scan(
            hosts=host,
            ports=request.port_list,
            arguments=request.options + (" -6" if ":" in host else ""),
            timeout=request.timeout_s + SLACK_S,
        )
        _say(
            {
                "id": request.id,
                "host": host,
                "ports": ports_of(found, host),
                "os": systems_of(found, host),
            }
        )
    _say({"id": request.id, "done": True})


def ports_of(found: dict[str, Any], host: str) -> list[dict[str, Any]]:
    """The TCP ports nmap has a word on: state, why, and its guess at the service."""
    tcp: dict[int, dict[str, Any]] = found.get("scan", {}).get(host, {}).get("tcp", {})
    return [
        {
            "port": port,
            "state": str(row.get("state", "")),
            "reason": str(row.get("reason", "")),
            "service": str(row.get("name", ""))[:200],
            "product": str(row.get("product", ""))[:200],
            "version": str(row.get("version", ""))[:200],
            "extra": str(row.get("extrainfo", ""))[:200],
            "cpe": str(row.get("cpe", ""))[:200],
            "conf": str(row.get("conf", ""))[:4],
        }
        for port, row in sorted(tcp.items())
    ]


def systems_of(found: dict[str, Any], host: str) -> list[dict[str, str]]:
    """nmap's best matches for the operating system, its accuracy in percent."""
    matches: list[dict[str, Any]] = found.get("scan", {}).get(host, {}).get("osmatch", [])
    out: list[dict[str, str]] = []
    for match in matches[:SYSTEMS]:
        kinds: list[dict[str, Any]] = match.get("osclass", [])
        first = kinds[0] if kinds else {}
        cpe: list[str] = first.get("cpe", [])
        out.append(
            {
                "name": str(match.get("name", ""))[:200],
                "accuracy": str(match.get("accuracy", ""))[:4],
                "type": str(first.get("type", ""))[:100],
                "vendor": str(first.get("vendor", ""))[:100],
                "cpe": str(cpe[0])[:200] if cpe else "",
            }
        )
    return out


def _die_together() -> None:
    """Be a process group of our own and take nmap along when we are ended (setpgid(2), prctl(2))."""
    if not hasattr(os, "killpg"):
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, end)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
