"""Names of makers by the numbers registries gave them: SNMP enterprises (IANA) and BACnet vendors (ASHRAE).

`enterprises.toml` has the names people know, `enterprise_numbers.tsv.gz` the whole list of IANA (see tools/build_enterprises.py).
"""

from __future__ import annotations

import gzip
import re
import tomllib
from functools import cache
from importlib.resources import files

_FORMER = re.compile(
    r"\s*[,(]?\s*\((?:formerly|previous|was|previously)\b.*$|\s*\(https?:.*$", re.IGNORECASE
)
_LEGAL = re.compile(
    r"[\s,.]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|l\.l\.c|gmbh(?: & co\.? ?kg)?|mbh|ag|se|kg|sa|s\.a|s\.a\.s|"
    r"sas|"
    r"s\.?r\.?l|s\.?p\.?a|b\.?v|n\.?v|a/s|a\.s|oy|ab|plc|pty|pte|s\.r\.o|spol|sp\.? z ?o\.? ?o|"
    r"kk|k\.k|as|aps|lp|systems co)\.?$",
    re.IGNORECASE,
)


@cache
def _names() -> dict[str, dict[int, str]]:
    raw = tomllib.loads((files("agent.catalogs") / "enterprises.toml").read_text("utf-8"))
    return {registry: {int(k): str(v) for k, v in rows.items()} for registry, rows in raw.items()}


@cache
def _list() -> str:
    packed = (files("agent.catalogs") / "enterprise_numbers.tsv.gz").read_bytes()
    return gzip.decompress(packed).decode()


def vendor(enterprise: int) -> str:
    """Name of the private enterprise number; empty where it is not in our list."""
    return _names()["snmp"].get(enterprise, "")


def known_vendors() -> dict[int, str]:
    """The private enterprise numbers whose makers have a name people know."""
    return dict(_names()["snmp"])


@cache
def organisation(enterprise: int) -> str:
    """Who holds the number by IANA's list, without legal form and former names; empty where nobody does."""
    text = _list()
    mark = f"\n{enterprise}\t"
    at = text.find(mark)
    return "" if at < 0 else short_name(text[at + len(mark) : text.index("\n", at + 1)])


def short_name(name: str) -> str:
    """`Example Networks, Inc. (formerly 'Sample')` -> `Example Networks`."""
    left = _FORMER.sub("", name).strip()
    while (shorter := _LEGAL.sub("", left).rstrip(" ,.&")) != left and shorter:
        left = shorter
    return left


def bacnet_vendor(number: int) -> str:
    """Name of the BACnet vendor id; empty where it is not in our list."""
    return _names()["bacnet"].get(number, "")
