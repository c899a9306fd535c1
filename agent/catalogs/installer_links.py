"""Installer links and command lines of remote-access agents -> the instance and server they bind a machine to.

For whoever tells us "this is our installer", and for installers found in policies. Only what names the owner is kept: a registration
token or password in the text is never read. Sources: the public argument names of each product's deployment pages; ScreenConnect's
instance, the last 8 bytes of MD5 over the decoded public key `k`, was measured on a published pair.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Literal
from urllib.parse import unquote

from agent.model.base import M

LONGEST = 8_192
"""Characters of a text that are read; the longest known installer command has under 2,000."""


class Installer(M):
    """`ids` name the owner's instance or account, `hosts` its servers (small letters, without port)."""

    tool: str
    ids: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class _Rule(M):
    """`key` is the exact argument name; `must` stands somewhere in the text, for names that several products share."""

    tool: str
    key: str
    as_: Literal["id", "host"]
    must: str = ""


def _rule(tool: str, key: str, as_: Literal["id", "host"], must: str = "") -> _Rule:
    return _Rule(tool=tool, key=key, as_=as_, must=must)


_RULES = (
    _rule("screenconnect", "h", "host", r"[?&]k="),
    _rule("atera", "integratorlogin", "id"),
    _rule("cw_automate", "serveraddress", "host"),
    _rule("ncentral", "serveraddress", "host", r"customerid"),
    _rule("ncentral", "agentactivationserver", "host"),
    _rule("tacticalrmm", "api", "host", r"tactical|--client-id"),
    _rule("meshcentral", "meshserver", "host"),
    _rule("meshcentral", "meshid", "id"),
)
_FORMS = (
    ("action1", "id", r"action1_agent\((?P<v>[^()\r\n]{1,80})\)\.msi"),
    ("syncro", "id", r"//(?P<v>[a-z0-9-]{1,63})\.syncromsp\.com"),
    ("kaseya_vsax", "host", r"(?P<v>[a-z0-9-]{1,63}\.vsax\.net)"),
    ("immybot", "host", r"(?P<v>[a-z0-9-]{1,63}\.immy\.bot)"),
)


_ANY = re.compile(
    "|".join(
        [
            *((r.must if len(r.key) == 1 else r.key) for r in _RULES),
            *(p.replace("?P<v>", "?:") for *_, p in _FORMS),
        ]
    ),
    re.IGNORECASE,
)
"""Something without which no rule finds anything: nearly every command line has none of it."""


def screenconnect_instance(key: str) -> str | None:
    """The 16 hexadecimal digits in the service name, from `k` of a link (percent encoding allowed); None where it is no base64."""
    text = unquote(key.strip())
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return hashlib.md5(raw, usedforsecurity=False).digest()[-8:].hex() if raw else None


def installers(text: str) -> tuple[Installer, ...]:
    """Every product that *text* (a link, a command line, the lines of a .msh file) installs for somebody; never raises."""
    text = text[:LONGEST]
    if not _ANY.search(text):
        return ()
    found: dict[str, dict[str, set[str]]] = {}

    def keep(tool: str, as_: str, value: str) -> None:
        if as_ == "host":
            value = _host(value)
        if value := value.strip().lower()[:253]:
            found.setdefault(tool, {"id": set(), "host": set()})[as_].add(value)

    for rule in _RULES:
        if rule.must and not re.search(rule.must, text, re.IGNORECASE):
            continue
        if rule.tool == "cw_automate" and re.search("customerid", text, re.IGNORECASE):
            continue  # N-central has an argument of this name, too
        for value in _values(text, rule.key):
            keep(rule.tool, rule.as_, value)
    for tool, as_, pattern in _FORMS:
        for hit in re.finditer(pattern, text, re.IGNORECASE):
            keep(tool, as_, hit["v"])
    # A Base64 key is case sensitive, so it is read here and not by a rule.
    if "screenconnect" in found:
        for value in _values(text, "k"):
            if instance := screenconnect_instance(value):
                keep("screenconnect", "id", instance)
    return tuple(
        Installer(tool=t, ids=tuple(sorted(v["id"])), hosts=tuple(sorted(v["host"])))
        for t, v in sorted(found.items())
    )


def _values(text: str, key: str) -> list[str]:
    """Values of the argument *key*: `?key=v`, `--key v`, `/key=v`, `key=v` at the beginning of a word or line."""
    pattern = rf'(?:^|[?&\s"\'/]|--?){key}(?:=|\s)\s?["\']?(?P<v>[^\s"\'&]{{1,2000}})'
    return [unquote(m["v"]) if key != "k" else m["v"] for m in re.finditer(pattern, text, re.I)]


def _host(value: str) -> str:
    host = value.split("://")[-1].split("/")[0]
    return host.rsplit(":", 1)[0] if host.count(":") == 1 else host.strip("[]")
