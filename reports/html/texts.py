"""Interface texts, numbers and dates of the report in one language, and strings of devices made inert."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from typing import Literal

Lang = Literal["en", "fr"]
LIMIT = 400
"""Characters shown of one string of a device; the rest is counted, and kept in inventory.json."""

# Bidirectional and other format controls (Unicode TR 9, TR 36): they reorder or hide text around them.
_FORMAT = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FRENCH_BLANK = re.compile(r" (?=[:;?!»%])|(?<=«) ")
_MONTHS: dict[Lang, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": (
        "janv.",
        "févr.",
        "mars",
        "avr.",
        "mai",
        "juin",
        "juill.",
        "août",
        "sept.",
        "oct.",
        "nov.",
        "déc.",
    ),
}


@cache
def strings(lang: Lang) -> dict[str, str]:
    """Key -> text in *lang*, with the French non-breaking spaces set."""
    raw = resources.files("reports.html").joinpath("strings.toml").read_text("utf-8")
    table: dict[str, dict[str, str]] = tomllib.loads(raw)
    if lang == "fr":
        return {k: _FRENCH_BLANK.sub("\u00a0", v["fr"]) for k, v in table.items()}
    return {k: v["en"] for k, v in table.items()}


def text(lang: Lang, key: str, /, **values: object) -> str:
    """The text *key*, filled in; with `n` the singular or plural form is chosen. Raises `KeyError` on an unknown key."""
    chosen = pattern(lang, key, values.get("n"))
    shown = {k: number(lang, v) if isinstance(v, int) else v for k, v in values.items()}
    return chosen.format(**shown) if shown else chosen


def pattern(lang: Lang, key: str, n: object = None) -> str:
    """The text *key* before it is filled in, its singular or plural form chosen by *n* (French: 0 is singular)."""
    chosen = strings(lang)[key]
    if "|" in chosen and isinstance(n, int):
        one, many = chosen.split("|")
        return one if (n == 1 or (lang == "fr" and n == 0)) else many
    return chosen


def number(lang: Lang, value: int) -> str:
    """Thousands set apart as the language does."""
    return f"{value:,}".replace(",", "\u202f" if lang == "fr" else ",")


def percent(lang: Lang, permille: int) -> str:
    """A share out of 1000 as per cent."""
    return f"{round(permille / 10)}{chr(0xA0) if lang == 'fr' else ''}%"


def moment(us: int) -> str:
    """`2026-11-24 09:31:07` in UTC; the column or sentence says so."""
    return _utc(us).strftime("%Y-%m-%d %H:%M:%S")


def iso_day(us: int) -> str:
    """`2026-11-24`: for spreadsheets and sorting."""
    return _utc(us).strftime("%Y-%m-%d")


def day(lang: Lang, us: int) -> str:
    """`24 Nov 2026`, `1er déc. 2026`: the day in UTC."""
    return _day(lang, _utc(us).date())


def day_time(lang: Lang, us: int) -> str:
    """`24 Nov 2026, 09:31`, `24 nov. 2026 à 09:31`: in UTC."""
    at = _utc(us)
    return f"{_day(lang, at.date())}{' à ' if lang == 'fr' else ', '}{at:%H:%M}"


def written_day(lang: Lang, value: str) -> str:
    """A day that a person wrote as `2026-11-24`; anything else as it stands."""
    try:
        return _day(lang, date.fromisoformat(value))
    except ValueError:
        return value


def _day(lang: Lang, at: date) -> str:
    number_ = "1er" if lang == "fr" and at.day == 1 else str(at.day)
    return f"{number_}\u00a0{_MONTHS[lang][at.month - 1]}\u00a0{at.year}"


def _utc(us: int) -> datetime:
    # A certificate may say year 9999 or 1600; `fromtimestamp` would refuse what is out of range.
    low, high = -62_135_596_800_000_000, 253_402_300_799_000_000
    return datetime.fromtimestamp(min(max(us, low), high) / 1_000_000, UTC)


def inert(value: object, limit: int = LIMIT) -> tuple[str, int]:
    """(*value* with every control shown instead of acting, number of characters left out)."""
    raw = str(value)
    cut = max(0, len(raw) - limit)
    shown = raw[:limit]
    shown = _SURROGATE.sub("\ufffd", shown)
    shown = _FORMAT.sub(lambda m: f"\u27e8U+{ord(m.group()):04X}\u27e9", shown)
    shown = _CONTROL.sub(lambda m: _picture(ord(m.group())), shown)
    return shown, cut


def _picture(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def first_sentence(value: str) -> str:
    """The first sentence of a text of ours: what page one has room for."""
    return re.split(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý«“])", value, maxsplit=1)[0]
