"""Identifiers that identify nothing: what makers leave where nobody filled it in, and certificates every unit of a series carries.

The values are in `agent/catalogs/identity.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_CN = re.compile(r"(?i)(?:^|[,/+])\s*CN\s*=\s*((?:\\.|[^,/+\\])*)")


@dataclass(frozen=True)
class _Lists:
    placeholders: frozenset[str]
    icons: frozenset[str]
    uuids: frozenset[str]
    names: frozenset[str]
    services: frozenset[str]
    default_certificates: re.Pattern[str]


@cache
def _lists() -> _Lists:
    raw = tomllib.loads((files("agent.catalogs") / "identity.toml").read_text("utf-8"))
    return _Lists(
        placeholders=frozenset(raw["placeholders"]),
        icons=frozenset(raw["icons"]),
        uuids=frozenset(raw["uuids"]),
        names=frozenset(raw["names"]),
        services=frozenset(raw["services"]),
        default_certificates=re.compile(
            "|".join(f"(?:{p})" for p in raw["default_certificates"]), re.IGNORECASE
        ),
    )


@cache
def is_placeholder(kind: str, value: str) -> bool:
    """True where *value* of an identifier of *kind* (`serial`, `chassis`, `smbios`, ...) names no one device."""
    text = value.strip().lower()
    plain = re.sub(r"[^0-9a-z]", "", text)
    if not plain or text in _lists().placeholders or len(set(plain)) == 1:
        return True
    if kind in ("ssh_key", "cert_key"):
        return False
    if kind == "smbios":
        return plain in _lists().uuids or len(plain) < 16
    if kind == "engine_id":
        digits = plain.removeprefix("0x")
        # RFC 3411: at least five octets, of which four name the maker and one the format.
        return len(digits) < 10 or not digits[10:].strip("0")
    return len(plain) < 4 or plain in "01234567890" or plain in "abcdefghijklmnopqrstuvwxyz"


@cache
def is_icon(model: str) -> bool:
    """True for a model that only asks to be drawn as one of Apple's machines."""
    return model.strip().lower() in _lists().icons


@cache
def is_generic_name(label: str) -> bool:
    """True for a first label (lower case) that a fresh install or a catalogue gives, such as `localhost` or `switch`."""
    return label in _lists().names or len(label) < 2


@cache
def is_service_name(label: str) -> bool:
    """True for a first label (lower case) that names a service, such as `www`: a cluster shares its certificate."""
    return label in _lists().services or len(label) < 3


@cache
def common_name(subject: str) -> str:
    """The CN of a distinguished name in RFC 4514 or OpenSSL form; empty where there is none."""
    found = _CN.search(subject)
    return found.group(1).replace("\\", "").strip() if found else ""


@cache
def is_default_certificate(subject: str, self_signed: bool, host_names: frozenset[str]) -> bool:
    """True for a certificate that says nothing of its host: self-signed, with a name that is a product's or nobody's.

    A CN without digit and dot is taken for a product's ("IPMI", "QNAP NAS") unless the host itself goes by it (*host_names*: first
    labels, lower case).
    """
    if not self_signed:
        return False
    name = common_name(subject)
    if name.lower().split(".")[0] in host_names:
        return False
    known = _lists().default_certificates.fullmatch(name)
    return not name or known is not None or not re.search(r"[0-9.]", name)
