"""What the nmap helper may be asked for: hosts of the scope, a few ports, options of a short list. Pure.

nmap's own defaults are not ours: it resolves names, takes as many packets as it likes, and its version probes make printers print. So
`-n -Pn --max-retries 1` and a rate are always given, and ports that print or control are never asked what they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS, ScopeRule

ALWAYS = ("-n", "-Pn", "--max-retries", "1", "--max-rate", "50", "--disable-arp-ping")
ALLOWED = frozenset({"-sT", "-sV", "--version-light", "-O", "--reason"})
"""Options a request may add. None that starts a script, takes a file, changes our address, or names a host. `-O` needs root."""
MAX_HOSTS = 64
MAX_PORTS = 1024
MAX_SECONDS = 900


class BadRequest(ValueError):
    """The request is not one we carry out; the text says why."""


@dataclass(frozen=True)
class Request:
    """`timeout_s` is for one host."""

    id: int
    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    arguments: tuple[str, ...]
    timeout_s: int

    @property
    def options(self) -> str:
        return " ".join((*ALWAYS, "--host-timeout", f"{self.timeout_s}s", *self.arguments))

    @property
    def port_list(self) -> str:
        return ",".join(map(str, self.ports))


def parse(raw: Any, scope: ScopeRule) -> Request:
    """The request in *raw*, a decoded JSON value. Raises `BadRequest`."""
    if not isinstance(raw, dict):
        raise BadRequest("a request is an object")
    hosts, ports = _list(raw, "hosts", MAX_HOSTS), _list(raw, "ports", MAX_PORTS)
    arguments = _list(raw, "arguments", 8, empty=True)
    for host in hosts:
        if (verdict := scope.judge(str(host))) != "allowed":
            raise BadRequest(f"{str(host)[:60]} is {verdict}")
    for port in ports:
        if type(port) is not int or not 0 < port < 65536:
            raise BadRequest("a port is a number from 1 to 65535")
    if unknown := [a for a in arguments if not isinstance(a, str) or a not in ALLOWED]:
        raise BadRequest(f"option {str(unknown[0])[:40]!r} is not on the list")
    if "-sV" in arguments:
        ports = [p for p in ports if p not in RAW_PRINT_PORTS and p not in OT_PORTS]
    if not ports:
        raise BadRequest("no port is left: what prints or controls is not asked for its version")
    number, timeout = raw.get("id"), raw.get("timeout_s", 60)
    if type(number) is not int or type(timeout) is not int or not 0 < timeout <= MAX_SECONDS:
        raise BadRequest(f"id and timeout_s are numbers, the latter up to {MAX_SECONDS}")
    kind = () if "-sT" in arguments else ("-sT",)
    return Request(number, tuple(map(str, hosts)), tuple(ports), (*kind, *arguments), timeout)


def _list(raw: dict[str, Any], key: str, most: int, *, empty: bool = False) -> list[Any]:
    found = raw.get(key, [])
    if not isinstance(found, list) or len(found) > most or not (found or empty):
        raise BadRequest(f"{key}: a list of {'0' if empty else '1'} to {most}")
    return found
