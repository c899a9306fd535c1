"""The kinds of value in client.toml and msp.toml: networks, MAC addresses, windows, dates, forms of a secret. Each says what is wrong in
words that do not repeat what was typed.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool
from pydantic_core import PydanticCustomError

from agent.catalogs.port_sets import port_set
from agent.engagement.windows import WindowError, parse_window
from agent.model.ref import normal
from agent.model.scope import parse_range

Use = Literal[
    "office", "servers", "voice", "cameras", "management", "production", "guest", "iot", "other"
]
Care = Literal["slow", "passive", "ot"]
Action = Literal[
    "sweep", "directory", "devices", "endpoints", "public-names", "old-credential-test"
]
CareAnswer = Literal["no", "listed", "unplaced", "unknown"]
"""Is there such gear? `listed`: yes, in a `never` range; `unplaced`: yes, nobody said where; `unknown`: nobody could say."""
Sector = Literal["office", "retail", "health", "industry"]
Mode = Literal["cooperative", "hostile", "gone"]
Language = Literal["en", "fr"]
Purpose = Literal[
    "directory",
    "firewall",
    "snmp",
    "network",
    "wireless",
    "hypervisor",
    "nas",
    "ups",
    "voice",
    "printer",
    "endpoints",
    "dns",
    "m365",
    "google",
    "registrar",
    "web",
]
SECRET_FORMS = "prompt | env:NAME | age:FILE#name | keyring[:service] | command:..."
_SECRET = re.compile(
    r"prompt|env:[A-Za-z_][A-Za-z0-9_]*|age:[^#]+(#[^#]+)?|keyring(:.+)?|command:\s*\S.*", re.DOTALL
)
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_SITE_LINE = re.compile(r".* at (?P<site>\S+)")


class Table(BaseModel):
    """A table of a file people write: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )


def _wrong(words: str) -> PydanticCustomError:
    # Braces would be read as placeholders.
    return PydanticCustomError("handover", words.replace("{", "(").replace("}", ")"))  # pyright: ignore[reportArgumentType]


def _range(text: str) -> str:
    text = text.strip()
    try:
        parse_range(text)
    except (ValueError, TypeError):
        raise _wrong(
            "is not a network (192.168.1.0/24), an address or a range a-b (192.168.1.10-192.168.1.20)"
        ) from None
    if "/" in text:
        network = ip_network(text, strict=False)
        if str(ip_address(text.partition("/")[0])) != str(network.network_address):
            raise _wrong(
                f"names a host and a network at once: write {network} for the whole network, or the address alone"
            )
    return text


def _mac(text: str) -> str:
    try:
        return normal("mac", text)
    except ValueError:
        raise _wrong("is not a MAC address like 00:00:5e:00:53:01") from None


def _ip(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise _wrong("is not an IP address like 203.0.113.14") from None


def _window(text: str) -> str:
    try:
        parse_window(text)
    except WindowError as error:
        raise _wrong(str(error)) from None
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise _wrong("is not a time zone like Europe/Paris") from None
    return text


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise _wrong("is not a date, written year-month-day without quotes")


def _secret(text: str) -> str:
    if not _SECRET.fullmatch(text):
        raise _wrong(
            f"is none of {SECRET_FORMS}. The secret itself is never written in this file: "
            "if it stands here now, take it out and change it"
        )
    return text


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise _wrong("is made of at most 32 small letters, digits, - and _")
    return text


def _reach(text: str) -> str:
    if text != "direct" and not re.fullmatch(r"rmm:\S+", text):
        raise _wrong("is direct, or rmm: and the machine that runs the job")
    return text


def _ports(value: object) -> object:
    parts: list[object] = list(value) if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownArgumentType]
    if not all(isinstance(p, int | str) and not isinstance(p, bool) for p in parts):
        raise _wrong('is not "msp", "wide" or a list of TCP ports such as [22, 80, "8000-8010"]')
    text = ",".join(map(str, parts))
    try:
        port_set(text)
    except ValueError as error:
        raise _wrong(f'is not "msp", "wide" or a list of TCP ports: {error}') from None
    return text


def _domain(text: str) -> str:
    name = text.strip().rstrip(".").lower()
    if not re.fullmatch(r"(?=.{1,253}$)([^\s./@:]{1,63}\.)+[^\s./@:]{1,63}", name):
        raise _wrong("is not a domain like client.example (no https://, no @)")
    return name


def _age_recipient(text: str) -> str:
    if not re.fullmatch(r"age1[0-9a-z]{58}", text):
        raise _wrong("is not an age recipient: it begins with age1 and is public")
    return text


Range = Annotated[str, AfterValidator(_range)]
Mac = Annotated[str, AfterValidator(_mac)]
Ip = Annotated[str, AfterValidator(_ip)]
Hours = Annotated[str, AfterValidator(_window)]
Zone = Annotated[str, AfterValidator(_zone)]
Day = Annotated[date, BeforeValidator(_day)]
SecretForms = Annotated[
    tuple[Annotated[str, AfterValidator(_secret)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
]
"""One form of secret, or several in a list."""
PortsAsked = Annotated[str, BeforeValidator(_ports)]
"""A set of ports, or a list: numbers and ranges. Kept as `--ports` takes it."""
Slug = Annotated[str, AfterValidator(_id)]
Reach = Annotated[str, AfterValidator(_reach)]
Domain = Annotated[str, AfterValidator(_domain)]
AgeRecipient = Annotated[str, AfterValidator(_age_recipient)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
YesNo = StrictBool


def site_of(owned: str) -> str | None:
    """Site id at the end of an `owns` text such as `192.168.1.1 at siege`, or None."""
    found = _SITE_LINE.fullmatch(owned)
    return found["site"] if found else None
