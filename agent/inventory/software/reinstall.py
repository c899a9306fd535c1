"""What brings software back after it is removed: policies, scheduled programs, and the management agent that installs it. Pure.

For the report: a removal while such a path is open is futile. Whatever names another instance than the item's is not its path.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

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
        "failure_action",
        "policy_package",
        "policy_script",
        "policy_task",
    }
)
"""Trace kinds that start a program by themselves, on one machine or, from a policy, on all."""
_WORD = re.compile(r'"([^"]{1,500})"|([^\s"]{1,500})')
_MOST_WORDS = 200
_ENDS = re.compile(
    r"(?i)\b(?:taskkill|pkill|killall|stop-(?:service|process)|remove-(?:service|item)|uninstall\S*|unins\d*\.exe|rmdir|rd|del|rm)\b"
    r"|\bsc(?:\.exe)?\s{1,9}(?:\\\\\S{1,99}\s{1,9})?(?:stop|delete)\b|\bnet1?(?:\.exe)?\s{1,9}stop\b"
    r"|\bsystemctl\s{1,9}(?:--\S{1,40}\s{1,9})?(?:stop|disable|mask|kill)\b|\blaunchctl\s{1,9}(?:unload|bootout|remove)\b"
    r"|\b(?:apt|apt-get|yum|dnf|zypper)\s{1,9}(?:-\S{1,20}\s{1,9}){0,4}(?:remove|purge|erase|autoremove)\b"
    r"|\bdpkg\s{1,9}(?:-r|-P|--purge|--remove)\b|\brpm\s{1,9}-\w{0,4}e\b|\bmsiexec(?:\.exe)?\s[^&|;]{0,200}?/x"
)
_BEGINS = re.compile(
    r"(?i)\b(?:start-(?:service|process)|new-service|install-\w{1,40})\b|\bsc(?:\.exe)?\s{1,9}(?:\\\\\S{1,99}\s{1,9})?(?:start|create)\b"
    r"|\bnet1?(?:\.exe)?\s{1,9}start\b|\bsystemctl\s{1,9}(?:--\S{1,40}\s{1,9})?(?:start|restart|enable)\b"
    r"|\bmsiexec(?:\.exe)?\s[^&|;]{0,200}?/(?:i|package)\b|\b(?:apt|apt-get|yum|dnf|zypper)\s{1,9}(?:-\S{1,20}\s{1,9}){0,4}install\b"
    r"|\blaunchctl\s{1,9}(?:load|bootstrap|kickstart)\b"
)


def with_reinstall_paths(
    items: Iterable[SoftwareItem], traces: Iterable[Trace]
) -> tuple[SoftwareItem, ...]:
    """*items* with `reinstalled_by`: the evidence of each trace that installs or restarts the same product, on its host or by policy."""
    paths: dict[str, list[tuple[Trace, frozenset[str]]]] = defaultdict(list)
    for trace in traces:
        if trace.kind in STARTERS and not only_ends(trace.command):
            for tool, ids in _brings(trace).items():
                paths[tool].append((trace, frozenset(ids)))
    return tuple(_closed(item, paths.get(item.product or "", [])) for item in items)


def only_ends(command: str) -> bool:
    """Does *command* stop or uninstall something, and begin nothing? Somebody's clean-up is no way back."""
    text = command[:4096]
    return _ENDS.search(text) is not None and _BEGINS.search(text) is None


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
    for tool, ids in said(trace.name, trace.path, trace.command):
        found[tool] |= ids
    return found


@lru_cache(maxsize=1 << 14)
def said(name: str, path: str, command: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Products, each with the instances named, that these words of a starter start or install."""
    found: dict[str, set[str]] = defaultdict(set)
    for number, word in enumerate(_WORD.finditer(command)):
        if number >= _MOST_WORDS:
            break
        text = word[1] or word[2]
        base = text.replace("\\", "/").rsplit("/", 1)[-1]
        for tool, strong in (*named("path", text), *named("process", base)):
            if strong:
                found[tool.id] |= set()
    for text in (command, path, name):
        for one in installers(text):
            found[one.tool] |= set(one.ids)
    return tuple((tool, frozenset(ids)) for tool, ids in sorted(found.items()))
