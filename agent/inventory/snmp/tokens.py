"""Which texts can be a serial number, a version or a model name, and which are what a maker left where nobody filled it in.

Shapes only: a text that passes is possible, no more. The lists are data (`agent/catalogs/snmp_words.toml`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files

Shape = Callable[[str], str]
"""A text -> the value in it; empty: it has none of that shape."""
_NUMBERED = re.compile(r"\d")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}(?:/\d+)?")
_MAC = re.compile(
    r"(?:[0-9A-Fa-f]{1,2}[:\- ]){5}[0-9A-Fa-f]{1,2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_BARE_MAC = re.compile(r"[0-9A-Fa-f]{12}")
_DATE = re.compile(
    r"(?:19|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:[0-2]?\d|3[01])(?:\D.*)?|"
    r"(?:[0-2]?\d|3[01])[-/.](?:0?[1-9]|1[0-2]|[A-Za-z]{3})[-/.](?:19|20)?\d\d(?:\D.*)?|"
    r"(?:0?[1-9]|1[0-2])[-/.](?:[0-2]?\d|3[01])[-/.](?:19|20)?\d\d(?:\D.*)?|"
    r".*\b\d{1,2}:\d\d(?::\d\d)?\b.*"
)
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+\-]{2,39}")
_VERSION = re.compile(
    r"(?:[A-Za-z][A-Za-z+\-]{0,24}[ _\-:/,]{0,2})?(?:(?i:v|ver|version|rev|rel|release|r|fw|sw)[ ._\-]{0,2})?"
    r"\d+(?:[._\-]\w+)*(?:[ ,_\-.(/+].{0,60})?"
)
_ARCS = re.compile(
    r"(?:v|V|r|R)?\d+(?:[._]\d+){1,5}(?:[-_+~. ]?\w[\w.()\-+~]*)?(?: ?\(?(?i:build|rev|rel)[ .:#]*[\w.\-]+\)?)?"
)


@cache
def _words(kind: str) -> frozenset[str]:
    raw = tomllib.loads((files("agent.catalogs") / "snmp_words.toml").read_text("utf-8"))
    return frozenset(raw[kind])


def plain(text: str) -> str:
    """*text* in lower case, letters and digits only."""
    return re.sub(r"[^0-9a-z]", "", text.lower())


def is_placeholder(text: str) -> bool:
    """True for what says nothing: `N/A`, `0000`, `Not Specified`, `XXXXXX`, `<serial>`."""
    low = text.strip().lower()
    bare = plain(low)
    return (
        len(bare) < 1
        or bare in _words("placeholders")
        or low.startswith(("<", "{", "not ", "no ", "unknown", "undefined", "to be filled"))
        or (len(bare) > 1 and len(set(bare)) == 1)
    )


def is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


def is_mac(text: str) -> bool:
    return _MAC.fullmatch(text) is not None


def serial(text: str) -> str:
    """*text* if it can be a serial number, without a label before it; empty where not."""
    value = re.sub(
        r"^(?i:s/?n|serial(?: ?(?:number|no\.?))?|service ?tag)\s*[:=#]*\s*", "", text.strip()
    ).strip(" \t:;,.#*")
    if is_placeholder(value) or not _SERIAL.fullmatch(value) or is_address(value):
        return ""
    bare = plain(value)
    if (
        len(bare) < 4
        or not _NUMBERED.search(bare)
        or bare in "012345678901234567890"
        or not bare.strip("0")
    ):
        return ""
    return value if value.count(" ") < 3 else ""


def version(text: str) -> str:
    """*text* if it can be a version; empty where not."""
    value = text.strip(" \t:;,*")
    if is_placeholder(value) or len(value) > 96 or not _NUMBERED.search(value) or is_mac(value):
        return ""
    if not plain(value).strip("0"):
        return ""
    return value


def strict_version(text: str) -> str:
    """*text* if it is written as versions are: numbers with points, little around them."""
    value = text.strip(" \t:;,*")
    if len(value) > 48 or is_mac(value) or _DATE.fullmatch(value) or not _ARCS.fullmatch(value):
        return ""
    return version(value)


def named_model(text: str) -> str:
    """As `model`, for a place that holds nothing else: there makers number their models, too."""
    value = text.strip()
    return value if re.fullmatch(r"[1-9]\d{2,4}", value) else model(text)


def model(text: str) -> str:
    """*text* if it can be the name of a model; empty where not."""
    value = text.strip(" \t:;,*")
    if is_placeholder(value) or not 2 <= len(value) <= 80 or is_mac(value) or is_address(value):
        return ""
    if plain(value) in _words("no_models") or not any(c.isalpha() for c in value):
        return ""
    return value


def strict_serial(text: str) -> str:
    """*text* if it is one word of letters in one case and digits (the most), as serial numbers are; no date, MAC or version."""
    value = serial(text)
    if (
        not value
        or " " in value
        or is_mac(value)
        or _DATE.fullmatch(value)
        or _ARCS.fullmatch(value)
    ):
        return ""
    bare = re.sub(r"[^0-9A-Za-z]", "", value)
    digits = sum(c.isdigit() for c in bare)
    if (
        not 8 <= len(bare) <= 24
        or digits < 5
        or 2 * digits < len(bare)
        or "." in value
        or "_" in value
    ):
        return ""
    if _BARE_MAC.fullmatch(bare) and any(c.isalpha() for c in bare):
        return ""
    letters = [c for c in bare if c.isalpha()]
    if letters and any(c.islower() for c in letters):
        return ""
    return value


def strict_model(text: str) -> str:
    """*text* if it is a short name with a digit and a capital, as names of models are."""
    value = model(text)
    if not value or len(value) > 40 or _ARCS.fullmatch(value) or _DATE.fullmatch(value):
        return ""
    if not _NUMBERED.search(value) or not re.search(r"[A-Z]", value) or value.count(" ") > 4:
        return ""
    return value


def looks_dated(text: str) -> bool:
    return _DATE.fullmatch(text.strip()) is not None
