"""The catalogue of protection products: every pattern is shown to fit something, nothing of it fits what any machine has."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.catalogs.protection import (
    KINDS,
    Kind,
    Product,
    by_id,
    called,
    conflict_texts,
    named,
    plain,
    products,
    public_keys,
    text_of,
)
from agent.catalogs.remote_access import LONGEST, normal_path, tools
from agent.model.protection import ConflictKind

STOCK = files("fixtures") / "stock"
KIND_OF: dict[str, Kind] = {
    "windows_services": "service",
    "windows_processes": "process",
    "windows_packages": "package",
    "linux_units": "unit",
    "linux_processes": "process",
    "macos_launchd": "launchd",
    "macos_processes": "process",
}
TRULY = {
    "AVP": "kaspersky",
    "KAVFS": "kaspersky",
    "VeeamBackupSvc": "veeam_br",
    "clamav-daemon.service": "clamav",
}
"""Names that stand in the lists since remote access must not take them for its own: they are protection, and do not come with a system."""


def split(example: str) -> tuple[Kind, str]:
    kind, _, text = example.partition(" ")
    return next(k for k in KINDS if k == kind), text


def test_it_holds_what_it_should() -> None:
    of = Counter(p.kind for p in products())
    print(f"{len(products())} products: {dict(of)}")
    assert of["antivirus"] + of["edr"] >= 35
    assert of["backup"] >= 26
    assert len(by_id()) == len(products())
    assert {p.id for p in products() if p.builtin} == {
        "defender_av",
        "defender_endpoint",
        "xprotect",
        "windows_backup",
        "time_machine",
    }


@pytest.mark.parametrize("product", products(), ids=lambda p: p.id)
def test_every_pattern_fits_an_example_and_no_counter_example(product: Product) -> None:
    examples = [split(e) for e in product.examples]
    for kind, text in examples:
        assert product.fits(kind, normal_path(text) if kind == "path" else text), (kind, text)
        strong = [p.id for p, sure in named(kind, text) if sure]
        # A name that is one product's for sure is no other's.
        assert set(strong) <= {product.id} or product.fits(kind, text) != "strong", text
    for kind in KINDS:
        for pattern in product.patterns(kind):
            one = re.compile(pattern.removeprefix("~"), re.IGNORECASE)
            texts = [normal_path(t) if k == "path" else t for k, t in examples if k == kind]
            assert any(one.fullmatch(t) for t in texts), (kind, pattern)
    for kind, text in map(split, product.not_examples):
        assert product not in [p for p, _ in named(kind, text)], text


@pytest.mark.parametrize("name", KIND_OF)
def test_what_comes_with_a_system_is_no_sign_but_of_what_is_built_in(name: str) -> None:
    """Also as shown names of services, which is how SNMP tells them."""
    lines = (STOCK / f"{name}.txt").read_text("utf-8").splitlines()
    texts = [line for line in lines if line and not line.startswith("#")]
    assert len(texts) >= 20
    kind = KIND_OF[name]
    kinds: tuple[Kind, ...] = ("service", "display") if kind == "service" else (kind,)
    false = {
        t: [p.id for k in kinds for p, _ in named(k, t) if not p.builtin and TRULY.get(t) != p.id]
        for t in texts
    }
    assert {t: ids for t, ids in false.items() if ids} == {}


def test_lists_of_consoles_are_read_by_whole_words() -> None:
    wanted = {
        "Windows Defender": "defender_av",
        "SentinelOne (agent 23.4)": "sentinelone",
        "Bitdefender Endpoint Security Tools Antimalware": "bitdefender_gz",
        "ESET Security": "eset",
        "Veeam Agent for Microsoft Windows": "veeam_agent",
        "VEEAM BACKUP & REPLICATION 12": "veeam_br",
        "Sauvegarde : Cove Data Protection": "cove",
        "Microsoft Defender for Endpoint": "defender_endpoint",
    }
    assert {t: [p.id for p in called(t)] for t in wanted} == {t: [i] for t, i in wanted.items()}
    assert called("Assets") == called("") == called("Recovery console") == ()
    assert {p.id for p in called("Sophos; Huntress")} == {"sophos", "huntress"}
    for product in products():
        for word in (product.name, *product.console):
            assert product in called(word), word
    every = Counter(n for p in products() for n in p.called)
    assert [n for n, times in every.items() if times > 1] == []


def test_who_delivers_is_in_the_catalogue_of_remote_access() -> None:
    known = {t.id for t in tools()}
    for product in products():
        assert {*product.delivered_by, *product.only_from} <= known, product.id


def test_what_guards_itself_says_what_to_ask_for() -> None:
    """All EDR; and of backups, which keys to have, save those that come with the system."""
    silent = [
        p.id for p in products() if p.tamper is None and not p.builtin and p.kind != "antivirus"
    ]
    assert silent == ["wazuh"]


def test_every_kind_of_conflict_has_its_words() -> None:
    judged = {i for i, c in conflict_texts().items() if c.judged}
    assert judged == set(get_args(ConflictKind))
    assert len(conflict_texts()) >= 13
    assert text_of("defender_server").severity == "medium"


def test_no_secret_can_be_asked_for() -> None:
    assert {"AMRunningMode", "OrgId", "CloudGatewayAddress"} <= public_keys()
    for key in public_keys():
        assert not re.search(r"(?i)token|passw|secret|license|keycode|accountkey", key)


def a_product(**fields: Any) -> dict[str, Any]:
    told = {"id": "x", "name": "X", "vendor": "X", "kind": "antivirus", "confidence": "believed"}
    more = {
        "sources": ["x"],
        "console": ["X"],
        "examples": ["service x"],
        "not_examples": ["unit y"],
    }
    return {**told, **more, "service": ["x"], **fields}


@pytest.mark.parametrize(
    "fields",
    [
        {"service": [".*x.*"]},
        {"service": ["(a+)+x"]},
        {"service": [r"x\d{2,}y"]},
        {"engine": ["y"]},
        {"real_time": "part"},
        {"kind": "backup", "real_time": "yes"},
        {"tamper": {"en": "The code", "fr": "The code"}},
        {"service": ["("]},
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    assert Product.model_validate(a_product()).fits("service", "X") == "strong"
    with pytest.raises((ValidationError, re.error)):
        Product.model_validate(a_product(**fields))


def test_a_name_without_end_names_nothing() -> None:
    """Patterns repeat without bound at their end only, and a text beyond `LONGEST` is not read at all."""
    assert [p.id for p, _ in named("package", "ESET File Security " + "9" * 900)] == ["eset"]
    assert list(named("package", "ESET File Security " + "9" * LONGEST)) == []
    for kind in KINDS:
        for text in (
            "A" * 900,
            "/Program Files/" * 60,
            "Gx" + "a" * 900 + "(Instance001)",
            "-" * 900,
        ):
            assert list(named(kind, text)) == []


@given(st.text(max_size=1500))
def test_whatever_text_is_read(text: str) -> None:
    for kind in KINDS:
        list(named(kind, text))
    called(text)
    assert plain(text) == plain(plain(text))
