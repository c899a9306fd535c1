"""What brings software back after it is removed: policies, scheduled programs, and the management agent that installs it. Pure.

For the report: a removal while such a path is open is futile. Whatever names another instance than the item's is not its path.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from agent.catalogs.installer_links import installers
from agent.catalogs.remote_access import named
from agent.inventory.software.signs import signs, told
from agent.model.base import Id
from agent.model.software import SoftwareItem, Trace

STARTERS = frozenset(
    {
        "task",
        "run_key",
        "wmi_subscription",
        "cron",
        "policy_package",
        "policy_script",
        "policy_task",
    }
)
"""Trace kinds that start a program by themselves, on one machine or, from a policy, on all."""
_WORD = re.compile(r'"([^"]{1,500})"|([^\s"]{1,500})')
_MOST_WORDS = 200


def with_reinstall_paths(
    items: Iterable[SoftwareItem], traces: Iterable[Trace]
) -> tuple[SoftwareItem, ...]:
    """*items* with `reinstalled_by`: the evidence of each trace that installs or restarts the same product, on its host or by policy."""
    paths: dict[str, list[tuple[Trace, frozenset[str]]]] = defaultdict(list)
    for trace in traces:
        if trace.kind in STARTERS:
            for tool, ids in _brings(trace).items():
                paths[tool].append((trace, frozenset(ids)))
    return tuple(_closed(item, paths.get(item.product or "", [])) for item in items)


def _closed(item: SoftwareItem, paths: list[tuple[Trace, frozenset[str]]]) -> SoftwareItem:
    mine = item.instance.get("instance", "").lower()
    by: set[Id] = set(item.reinstalled_by)
    for trace, ids in paths:
        if trace.host is not None and trace.host != item.asset:
            continue
        if mine and ids and mine not in ids:
            continue
        by.update(trace.evidence)
    return item.model_copy(update={"reinstalled_by": tuple(sorted(by))}) if by else item


def _brings(trace: Trace) -> dict[str, set[str]]:
    """Products the trace starts or installs, each with the instances it names."""
    found: dict[str, set[str]] = defaultdict(set)
    for sign in signs(trace):
        if sign.strong or sign.placed:
            found[sign.tool.id] |= {t.value.lower() for t in told(sign) if t.as_ == "instance"}
    for number, word in enumerate(_WORD.finditer(trace.command)):
        if number >= _MOST_WORDS:
            break
        text = word[1] or word[2]
        base = text.replace("\\", "/").rsplit("/", 1)[-1]
        for kind, name in (("path", text), ("process", base)):
            for tool, strong in named("path" if kind == "path" else "process", name):
                if strong:
                    found[tool.id] |= set()
    for text in (trace.command, trace.path, trace.name):
        for one in installers(text):
            found[one.tool] |= set(one.ids)
    return found
