"""What sysDescr (RFC 3418) says in words: version and serial behind their labels, model before or among them.

Makers write it as they like; these are the grammars that many share. What follows a label is surer than a number by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.inventory.snmp import tokens
from agent.inventory.snmp.identity import Found
from agent.inventory.snmp.walk import Oid, Walk

SYS_DESCR: Oid = (1, 3, 6, 1, 2, 1, 1, 1, 0)
_AT = "1.3.6.1.2.1.1.1.0"
_VERSION = r"[vVrR]?\d[\w.()\-+/~#]*"
_UNAME = re.compile(
    r"^(?:Linux|SunOS|FreeBSD|NetBSD|OpenBSD|Darwin|AIX|HP-UX|QNX)\s+\S+\s+(\d[\w.()\-+]*)"
)
_NOT_ITS = re.compile(
    r"(?i)\b(?:boot ?(?:rom|loader)?|hw|hardware|kernel|linux|u-boot|uboot|bios|cpld|"
    r"fpga|engine|snmp|chip|pcb|controller|net|vxworks|api)[\w /]{0,12}$"
)
_LABELS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), sure)
    for pattern, sure in (
        (rf"(?i)\bSW[_ ]?REV[:=\s]+(?-i:({_VERSION}|[A-Z]{{1,6}}\d[\w.\-]*))", 900),
        (
            rf"(?i)\b(?:software|firmware|sw|fw|app(?:lication)?|os|system|image|f/w|s/w)[ _\-]*(?:software[ _]*)?"
            rf"(?:version|ver|vers|revision|rev|release|rel)\b\s*[.:=#\-]*\s*(?-i:({_VERSION}|[A-Z]{{1,8}}[._\-]?\d[\w.\-()]*))",
            880,
        ),
        (rf"(?i)\b(?:firmware|software|fw|sw)\s*[:=]?\s+(?-i:({_VERSION}))", 850),
        (
            rf"(?i)(?:^|[\s,;:(\-])(?:version|ver)\b\.?\s*[:=#]?\s*(?-i:({_VERSION}|[A-Z]{{1,3}}\.?\d[\w.\-()]*))",
            860,
        ),
        (
            rf"(?i)(?:^|[\s,;:(\-])(?:release|rel|revision|rev)\b\.?\s*[:=#]?\s*(?-i:({_VERSION}))",
            800,
        ),
        (r"(?:^|[\s,;:(_\-/])([vV]\d+(?:\.\d+)+[\w.()\-+]*)", 780),
        (r"(?:^|[,;] ?)(\d+(?:\.\d+){2,}[\w.()\-+]*)(?=$|[,;)])", 760),
        (r"\s\(?(\d+(?:\.\d+){2,}[\w.()\-+]*)\)?$", 740),
    )
)
_SERIAL = re.compile(
    r"(?i)(?:\bs/?n\b|\bserial(?: ?(?:number|no|num|#))?\b)\.?\s*[:=#\-]*\s*(?-i:([A-Z0-9][A-Z0-9/\-]{4,30}))"
)
_MODEL = re.compile(
    r"(?i)\b(?:model(?: ?(?:name|number|no))?|hardware model|product(?: ?name)?|mdl|P/N)\b\s*[:=]\s*"
    r"(?-i:([A-Z0-9][\w/+.\-]*(?: [A-Z0-9][\w/+.\-]*){0,2}?))"
    r"(?=$|[\s,;>)])"
)
_PREFIX = re.compile(
    r"(?i)[\s,;:(\-]*(?:\b(?:with|running|software|firmware|system|hardware|sw|fw|hw|os)\b[\s:,;]*)*"
    r"(?:\b(?:version|ver|vers|release|rel|rev|revision|f/w|s/w)\b\.?|\bv(?=\d)).*$|[;,(].*$",
    re.DOTALL,
)
_NAME = re.compile(
    r"(?=[\w/+\-]*\d)(?=[\w/+\-]*[A-Z])[A-Za-z][A-Za-z0-9]*(?:[/+\-.][A-Za-z0-9+]+)*"
)
_COMMON = re.compile(
    r"(?i)^(?:port|ports|10g|100g|40g|25g|wifi\d?|poe\+?|ipv[46]|l[23]|layer[23]|snmpv?\d|x86|x64|arm\w*|mips\w*|i\d86|amd64|aarch64|gigabit|g\d|ieee|rfc\d+|v\d.*|sfp\+?|.*ghz|.*mhz|.*v[ad]c)$"
)

_NUMBERED = re.compile(r"[A-Z][A-Za-z\-]+(?: [A-Z][a-z]+)? \d{2,}[A-Za-z]{0,3}(?: \d\d)?")
"""A series and its number: "NetVision 204", "Room Guard 12E"."""
_GENERIC = re.compile(
    r"(?i)\d+-?ports?|\d*g(?:be?)?|gigabit|fast|ethernet|poe\+?|l[23]\+?|layer|[23]|managed|smart|web\w*|stackable|industrial|ports?|"
    r"\d+|routing|switch|router|wireless|access|point|ap|dual|band|series|printer|indoor|outdoor|firewall|gateway|network|camera|ups"
)
"""Words that say the kind, not the model."""


def version(walk: Walk) -> Iterator[Found]:
    """Versions behind a label, then numbers written as versions are; the kernel of a plain Unix last."""
    text = walk.text(SYS_DESCR)
    for pattern, sure in _LABELS:
        for found in pattern.finditer(text):
            value = found[1].rstrip(".,;:-/(").strip()
            if value.count("(") < value.count(")"):
                value = value.rstrip(")")
            if _NOT_ITS.search(text[: found.start(1)].rstrip(" :=vV.")[-30:]) or (
                _NOT_ITS.search(text[: found.start()].rstrip()[-30:])
            ):
                continue
            if "." not in value and "(" not in value and sure < 850:
                continue
            if (told := tokens.version(value)) and not tokens.looks_dated(told):
                yield Found(told, _AT, text, "sysDescr", sure)
    if (kernel := _UNAME.match(text)) and (told := tokens.version(kernel[1])):
        yield Found(told, _AT, text, "sysDescr, kernel", 700)


def serial(walk: Walk) -> Iterator[Found]:
    """What stands behind `S/N` or `Serial number`."""
    text = walk.text(SYS_DESCR)
    for found in _SERIAL.finditer(text):
        if value := tokens.serial(found[1]):
            yield Found(value, _AT, text, "sysDescr", 880)


def model(walk: Walk, vendor: str) -> Iterator[Found]:
    """What stands behind `Model`; then the words before the version, where they are few and one of them has a digit."""
    text = walk.text(SYS_DESCR)
    if _UNAME.match(text) or not text:
        return
    for found in _MODEL.finditer(text):
        if value := tokens.model(found[1]):
            yield Found(value, _AT, text, "sysDescr", 880)
    head = _PREFIX.sub("", text).strip(" ,;:-")
    head = without_vendor(head, vendor)
    names = [n for n in _NAME.findall(head) if not _COMMON.match(n) and tokens.strict_model(n)]
    if head.count(" ") <= 3 and (names or _NUMBERED.fullmatch(head)) and tokens.strict_model(head):
        yield Found(head, _AT, text, "sysDescr", 780)
    first, _, rest = head.partition(" ")
    if (
        _NAME.fullmatch(first)
        and not _COMMON.match(first)
        and rest
        and all(_GENERIC.fullmatch(w) for w in re.split(r"[ ,]+", rest))
    ):
        yield Found(first, _AT, text, "sysDescr", 780)


def without_vendor(text: str, vendor: str) -> str:
    """*text* without the maker's name, or its first word, before it."""
    for name in (vendor, vendor.split(" ")[0]):
        if name and text.lower().startswith(name.lower()):
            left = text[len(name) :].strip(" ,:-")
            if left and not text[len(name)].isalnum():
                return left
    return text


def system(walk: Walk) -> str:
    """Name of the operating system where sysDescr is that of `uname`; empty where not."""
    found = re.match(
        r"(Linux|SunOS|FreeBSD|NetBSD|OpenBSD|Darwin|AIX|HP-UX|QNX)\b", walk.text(SYS_DESCR)
    )
    return found[1] if found else ""
