"""Rules that let something in, as the kernel has them: asked of nft (libnftables-json(5)), which also shows what iptables-nft made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from collectors.endpoint.program import output
from collectors.endpoint.source import CannotRead, Row, Source, Views


def firewall_rules() -> Source:
    def source(views: Views) -> Iterator[Row]:
        said = output(("nft", "-j", "list", "ruleset"))
        if said is None:
            raise CannotRead("nft is not here, or may not be asked", True)
        yield from accepting(said)

    return source


def accepting(text: str) -> Iterator[Row]:
    """Rules of input chains that accept: one row a protocol and port or range. Raises `ValueError` for what is no JSON of nft."""
    items: list[Any] = json.loads(text)["nftables"]
    inputs = {
        (c["family"], c["table"], c["name"])
        for c in (i["chain"] for i in items if "chain" in i)
        if c.get("hook") == "input"
    }
    # A rule of ufw or firewalld stands in a chain that an input chain jumps to.
    jumps: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
    rules = [i["rule"] for i in items if "rule" in i]
    for rule in rules:
        here = (rule["family"], rule["table"], rule["chain"])
        for part in rule.get("expr", ()):
            to = part.get("jump") or part.get("goto") if isinstance(part, dict) else None
            if to:
                jumps.setdefault(here, set()).add((here[0], here[1], to["target"]))
    reached, todo = set(inputs), list(inputs)
    while todo:
        for to in jumps.get(todo.pop(), ()):
            if to not in reached:
                reached.add(to)
                todo.append(to)
    for rule in rules:
        if (rule["family"], rule["table"], rule["chain"]) in reached:
            yield from _rule(rule)


def _rule(rule: dict[str, Any]) -> Iterator[Row]:
    parts = [p for p in rule.get("expr", ()) if isinstance(p, dict)]
    if not any("accept" in p for p in parts):
        return
    name = f"{rule['table']} {rule['chain']}"
    if comment := rule.get("comment"):
        name = f"{name}: {comment}"
    ports = [p["match"] for p in parts if "match" in p and _port(p["match"])]
    for match in ports:
        protocol = match["left"]["payload"]["protocol"]
        for port in _values(match["right"]):
            yield (name, "", protocol, port, "on")
    if not ports and not any("match" in p for p in parts):
        yield (name, "", "", "any", "on")


def _port(match: dict[str, Any]) -> bool:
    left = match.get("left")
    payload = left.get("payload") if isinstance(left, dict) else None
    return isinstance(payload, dict) and payload.get("field") == "dport" and match.get("op") == "=="


def _values(right: Any) -> list[str]:
    if isinstance(right, dict) and "set" in right:
        return [v for one in right["set"] for v in _values(one)]
    if isinstance(right, dict) and "range" in right:
        return ["-".join(str(v) for v in right["range"])]
    return [str(right)]
