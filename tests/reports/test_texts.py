"""Interface texts in both languages, numbers and dates, and strings made inert."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from reports.html import texts
from reports.html.texts import day, day_time, first_sentence, inert, number, strings, text
from reports.to_csv import cell

HTML = Path(texts.__file__).parent
SAME_IN_BOTH = frozenset(
    [
        "action",
        "area_network",
        "console_antivirus",
        "console_rmm",
        "nps_client",
        "nps_method_chap",
        "nps_method_eap",
        "nps_method_mschap",
        "nps_method_mschap2",
        "nps_method_pap",
        "shield_antivirus",
        "shield_edr",
        "area_protection",
        "area_services",
        "look_hosts",
        "machine",
        "addresses_never",
        "attr_contact",
        "bytes_never",
        "cause",
        "date",
        "edition_client",
        "interfaces",
        "letter_none",
        "mandate",
        "observation",
        "port",
        "section",
        "sites",
        "site",
        "services",
        "transport",
        "utc",
        "title_services",
        "source",
        "vantage_import",
        "who_client",
    ]
) | frozenset(
    ["filter_site", "class_nas", "cause", "date", "vlans", "source_spanning_tree"]
    + ["cable_site", "cable_mbps", "cable_vlans"]
)


def table() -> dict[str, dict[str, str]]:
    return tomllib.loads((HTML / "strings.toml").read_text("utf-8"))


def holes(value: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(value) if name}


def test_every_text_is_there_in_both_languages_with_the_same_holes() -> None:
    for key, both in table().items():
        assert set(both) == {"en", "fr"}, key
        assert all(v.strip() for v in both.values()), key
        for form in both["en"].split("|"):
            assert holes(form) == holes(both["fr"].split("|")[0]), key
        assert both["en"].count("|") == both["fr"].count("|") <= 1, key


def test_french_is_not_english() -> None:
    same = {k for k, v in table().items() if v["en"] == v["fr"]}
    assert same <= SAME_IN_BOTH, same - SAME_IN_BOTH


def test_no_text_is_left_that_nobody_shows() -> None:
    sources = [*HTML.rglob("*.j2"), *HTML.parent.rglob("*.py")]
    code = "\n".join(p.read_text("utf-8") for p in sources)
    # Keys of codes are put together where they are used; test_prose.py and map/test_page.py hold these against the model.
    prefixes = tuple(
        f"{p}_"
        for p in ("class", "cause", "code", "attr", "allow", "vantage", "outcome", "state", "who")
        + ("severity", "standing", "presence", "subject", "edition", "recipient", "known")
        + (
            "filter",
            "letter",
            "since",
            "mode",
            "door",
            "form",
            "owner",
            "look",
            "area",
            "channel",
            "principal",
            "open",
            "shield",
            "engine",
        )
        + ("link", "source", "guess", "gap", "cable", "map_legend")
        + ("console", "need", "return", "table", "nps", "step")
    )
    unused = [
        k
        for k in table()
        if not k.startswith(prefixes) and not re.search(rf"['\"]{re.escape(k)}['\"]", code)
    ]
    assert unused == []


def test_french_typography() -> None:
    for key, value in strings("fr").items():
        assert not re.search(r" [:;?!»%]|« ", value), key
        assert not re.search(r"\w[;?!»]", value), key
    assert number("fr", 12345) == "12\u202f345"
    assert number("en", 12345) == "12,345"
    assert text("fr", "unknown_count", n=0) == "0 inconnue déclarée"
    assert text("en", "unknown_count", n=0) == "0 declared unknowns"
    assert text("fr", "unknown_count", n=1200) == "1\u202f200 inconnues déclarées"


def test_dates_read_as_people_write_them() -> None:
    first = 1_796_083_200_000_000  # 2026-12-01T00:00:00Z
    assert day("fr", first) == "1er\u00a0déc.\u00a02026"
    assert day("en", first) == "1\u00a0Dec\u00a02026"
    assert day_time("fr", first + 34_260_000_000) == "1er\u00a0déc.\u00a02026 à 09:31"


@given(st.integers())
def test_no_time_of_a_device_stops_the_report(us: int) -> None:
    assert day("fr", us)


def test_first_sentence() -> None:
    assert first_sentence("Turn it off. Then wait.") == "Turn it off."
    assert first_sentence("Use 2.5 instead") == "Use 2.5 instead"


ACTING = "a \x00\x07\x1b\x7f\x85\u200b\u200f\u202a\u202e\u2066\u2069\ufeff\ud800\udfff\U000e0041"


@given(st.text() | st.text(alphabet=ACTING))
@example(ACTING)
def test_what_acts_is_shown_instead(value: str) -> None:
    shown, cut = inert(value, 50)
    assert cut == max(0, len(value) - 50)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0041]",
        shown,
    )
    shown.encode("utf-8")


@given(st.text() | st.text(alphabet="=+-@|a\t\r\n \x00\u200b\ufeff\uff1d"))
def test_no_cell_is_a_formula(value: str) -> None:
    shown = cell(value)
    assert not shown.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    assert "\n" not in shown
    assert "\x00" not in shown
