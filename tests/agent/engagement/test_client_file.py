"""client.toml: every key is taken, every mistake is told in words, all at once, and what was typed is never repeated."""

from __future__ import annotations

import tomllib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from agent.engagement.client_file import ClientFile
from agent.engagement.engagement import EngagementError, load_engagement
from agent.engagement.msp_file import MspFile
from agent.engagement.problems import Problem
from tests.agent.engagement.sample import CLIENT, MSP, engagement, folder

CANARY = "Tr0ub4dor-canary"


def problems(path: Path, client: str, msp: str = MSP) -> tuple[Problem, ...]:
    with pytest.raises(EngagementError) as caught:
        engagement(path, client, msp)
    return caught.value.problems


def test_every_key_is_taken(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    assert e.client.client.name == "Atelier Durand SARL"
    assert e.client.account[1].secret == ("prompt", "env:HANDOVER_SNMP")
    assert e.msp.known[0].ids["atera"] == ("boss@infonord.example",)
    assert e.quiet and len(e.key) == 32 and len(e.id) == 32
    assert e.site("depot").reach == "rmm:SRV-1"


MISTAKES = [
    ('use = "office"', 'use = "offcie"', "site[0].networks[0].use", "did you mean office?"),
    ('sector = "industry"', 'sector = "factory"', "client.sector", "must be one of office, retail"),
    ('language = "fr"\nsector', 'language = "de"\nsector', "client.language", "one of en, fr"),
    ("allows = [", "alows = [", "mandate.alows", "did you mean `allows`?"),
    ("[takeover]", "[takover]", "takover", "did you mean `takeover`?"),
    ("staff_informed = true", 'staff_informed = "yes"', "mandate.staff_informed", "true or false"),
    ("signed_on = 2026-01-05", 'signed_on = "5/1/26"', "mandate.signed_on", "is not a date"),
    ("signed_on = 2026-01-05", "signed_on = 20260105", "mandate.signed_on", "is not a date"),
    ("from = 2026-01-10", "from = 2026-01-10T08:00:00", "mandate.valid.from", "is not a date"),
    ("to = 2026-06-30", "to = 2025-06-30", "mandate.valid.to", "ends before it begins"),
    ("keep_until = 2026-12-31", "keep_until = 2026-02-01", "mandate.keep_until", "before the end"),
    ('"mandat.pdf"', '"nowhere.pdf"', "mandate.document", "not in the engagement folder"),
    ('id = "depot"', 'id = "usine"', "site[1].id", "already the id of the [[site]] on line 32"),
    ('id = "depot"', 'id = "Le Dépôt"', "site[1].id", "small letters"),
    ('at = "usine"', 'at = "usinne"', "account[1].at", "no such site; there are: usine, depot"),
    ("1 at usine", "1 at usines", "former[0].owns[0]", "no such site"),
    ('id = "snmp"', 'id = "ad"', "account[1].id", "already the id"),
    ('for = "snmp"', 'for = "snmpv3"', "account[1].for", "did you mean snmp?"),
    ("192.168.8.0/24", "192.168.8.0/33", "site[0].networks[1].net", "is not a network"),
    ("192.168.8.0/24", "192.168.8.5/24", "site[0].networks[1].net", "write 192.168.8.0/24"),
    ("192.168.7.60", "192.168.7.70-192.168.7.60", "site[0].never[0].net", "is not a network"),
    (
        'net = "192.168.7.60", why = "card terminal"',
        'net = "192.168.7.60"',
        "site[0].never[0].why",
        "is missing",
    ),
    ('care = "slow"', 'care = "careful"', "site[0].networks[1].care", "one of slow, passive, ot"),
    ("00:00:5e:00:53:01", "00:00:5e:00:53", "site[0].here_if.gateway_mac", "is not a MAC"),
    ('"203.0.113.20"', '"203.0.113.2000"', "site[0].here_if.public_ip", "is not an IP address"),
    ('"Mon-Fri 09:30-11:30"', '"Mon-Fri"', "site[0].scan", "a day without times"),
    ('"Mon-Fri 09:30-11:30"', '"Mo 9-11"', "site[0].scan", "write days and times like"),
    ('"Europe/Paris"', '"Europe/Lyon"', "site[0].timezone", "is not a time zone"),
    ('"rmm:SRV-1"', '"teleport"', "site[1].reach", "is direct, or rmm:"),
    (
        'domains = ["durand.example"]',
        'domains = "durand.example"',
        "client.domains",
        "must be a list",
    ),
    (
        'domains = ["durand.example"]',
        'domains = ["https://durand.example"]',
        "client.domains[0]",
        "is not a domain",
    ),
    ('name = "Atelier Durand SARL"', 'name = ""', "client.name", "must not be empty"),
    ('name = "Atelier Durand SARL"', "name = 12", "client.name", "text between quotes"),
    ('name = "Atelier Durand SARL"', "", "client.name", "is missing"),
    (
        'secret = "env:HANDOVER_AD"',
        f'secret = "{CANARY}"',
        "account[0].secret[0]",
        "is none of prompt",
    ),
    (
        'secret = "env:HANDOVER_AD"',
        f'password = "{CANARY}"',
        "account[0].password",
        "never written",
    ),
    (
        'secret = "env:HANDOVER_AD"',
        f'comunity = ["{CANARY}"]',
        "account[0].comunity",
        "no such key",
    ),
    (
        'secret = "env:HANDOVER_AD"',
        f'secret = {{ x = "{CANARY}" }}',
        "account[0].secret",
        "must be a list",
    ),
]


@pytest.mark.parametrize(("old", "new", "key", "cause"), MISTAKES)
def test_a_mistake_is_told_with_line_key_cause_and_example(
    tmp_path: Path, old: str, new: str, key: str, cause: str
) -> None:
    assert old in CLIENT
    client = CLIENT.replace(old, new, 1)
    found = [p for p in problems(tmp_path, client) if p.key == key]
    assert len(found) == 1, problems(tmp_path, client)
    assert cause in found[0].cause
    assert found[0].file == "client.toml"
    assert found[0].line is not None
    if new:
        first = CLIENT[: CLIENT.index(old)].count("\n") + 1
        last = first + new.count("\n")
        assert first <= found[0].line <= last


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    client = CLIENT
    # Those which can stand in one file together.
    chosen = [
        m
        for m in MISTAKES
        if m[2]
        in (
            "site[0].networks[0].use",
            "mandate.staff_informed",
            "account[1].at",
            "mandate.document",
            "mandate.valid.to",
        )
    ]
    for old, new, _, _ in chosen:
        client = client.replace(old, new, 1)
    found = problems(tmp_path, client, MSP.replace("operator", "operater"))
    assert {p.key for p in found} == {m[2] for m in chosen} | {"operater"}
    assert {p.file for p in found} == {"client.toml", "msp.toml"}


def refused(path: Path) -> EngagementError:
    with pytest.raises(EngagementError) as caught:
        load_engagement(path)
    return caught.value


def everything(error: BaseException) -> str:
    """The traceback with the variables of every frame of ours; those of the test itself left out."""
    assert error.__traceback__ is not None
    ours = error.with_traceback(error.__traceback__.tb_next)
    shown = "".join(traceback.TracebackException.from_exception(ours, capture_locals=True).format())
    assert "client = " in shown and "load_engagement" in shown
    return shown


@pytest.mark.parametrize("form", [m[1] for m in MISTAKES if CANARY in m[1]])
def test_a_secret_in_the_wrong_place_is_shown_nowhere(tmp_path: Path, form: str) -> None:
    folder(tmp_path, CLIENT.replace('secret = "env:HANDOVER_AD"', form))
    error = refused(tmp_path)
    assert CANARY not in everything(error) + str(error) + repr(error)
    assert error.__cause__ is None


def test_a_secret_beside_broken_toml_is_shown_nowhere(tmp_path: Path) -> None:
    folder(tmp_path, CLIENT + f'\n[[account]]\nsecret = "{CANARY}\n')
    shown = everything(refused(tmp_path))
    assert "not valid TOML" in shown
    assert CANARY not in shown


def test_where_a_secret_is_kept_is_not_in_the_repr(tmp_path: Path) -> None:
    client = CLIENT.replace('"env:HANDOVER_AD"', f'"command: echo {CANARY}"')
    e = engagement(tmp_path, client)
    assert CANARY not in repr(e) + str(e.client) + repr(e.client.account)
    assert repr(e.key) not in repr(e)
    assert CANARY not in "".join(e.client_flat().values())


def models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield kind
    for field in kind.model_fields.values():
        for inner in _inside(field.annotation):
            yield from models(inner)


def _inside(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for each in get_args(kind):
        yield from _inside(each)


def test_every_field_has_an_example_that_is_right() -> None:
    for model in {*models(ClientFile), *models(MspFile)}:
        for name, field in model.model_fields.items():
            extra = field.json_schema_extra
            assert isinstance(extra, dict), f"{model.__name__}.{name} has no example"
            example = tomllib.loads(str(extra["example"]))
            assert list(example) == [field.alias or name]
            try:
                model.model_validate(example)
            except ValidationError as error:
                wrong = [e["loc"] for e in error.errors() if e["type"] != "missing"]
                assert not wrong, f"{model.__name__}.{name}"
