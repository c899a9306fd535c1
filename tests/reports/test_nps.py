"""The chapter on Network Policy Servers: order, who is let in, what could not be told, and what each edition may know."""

from __future__ import annotations

import html
import re
from typing import get_args

import pytest

from agent.model.attribution import Attribution
from agent.model.bodies_nps import NPS_METHODS, NpsVerdict
from agent.model.judged import Judged
from agent.model.nps import Entry, NpsAnswerer, NpsAsker, NpsEntry, NpsLine, NpsServer
from reports.html.render import render
from reports.html.texts import Lang
from tests.reports.sample import judged
from tests.reports.test_remote import WORDS
from tests.reports.test_texts import table

NOBODY = Attribution(owner="unknown", provider=None, conf=0)


@pytest.fixture(scope="module")
def sample() -> Judged:
    plain = judged(devices=4)
    proof = (plain.observations[0][1].id,)

    def entry(name: str, verdict: Entry, **more: object) -> NpsEntry:
        fields = {"sid": name, "name": name, "domain": "corp.example", "verdict": verdict}
        return NpsEntry.model_validate({**fields, "owner": NOBODY, "evidence": proof, **more})

    def line(name: str, verdict: NpsVerdict, **more: object) -> NpsLine:
        fields = {"name": name, "enabled": True, "verdict": verdict, "evidence": proof}
        return NpsLine.model_validate({**fields, **more})

    server = NpsServer(
        document="d",
        server=f"nps01 {WORDS}",
        at=plain.at,
        local=True,
        requests=(
            line("Windows", "local", anybody=True),
            line("Out", "forward", target="Them", enabled=False),
        ),
        policies=(
            line(
                "VPN", "grant", groups=("corp\\VPN",), others=('MATCH("a")',), methods=NPS_METHODS
            ),
            line("Everybody", "grant", anybody=True, ignores_account=True, gateway=True),
            line("Rest", "deny", anybody=True),
        ),
        clients=(
            NpsAsker(
                name="FW",
                address="192.0.2.1",
                enabled=True,
                signed=False,
                secret=True,
                same=2,
                assets=(plain.assets[0].id,),
                owner=NOBODY,
                evidence=proof,
            ),
            NpsAsker(
                name="Old",
                address="192.0.2.77",
                enabled=False,
                signed=True,
                secret=True,
                same=0,
                owner=NOBODY,
                evidence=proof,
            ),
        ),
        targets=(NpsAnswerer(group="Them", address="203.0.113.20", owner=NOBODY, evidence=proof),),
        domains=("corp.example",),
        entries=(
            entry("anne", "yes", policies=("VPN",)),
            entry("jean", "conditional", policies=("Everybody",), despite=True),
            entry("mute", "unknown"),
        ),
        refused=17,
        evidence=proof,
    )
    return plain.model_copy(update={"nps": (server,)})


def chapter(document: str) -> str:
    found = re.search(r'<section id="nps".*?</section>', document, re.DOTALL)
    return html.unescape(found[0]) if found else ""


def said(sample: Judged, lang: Lang = "en", edition: str = "technician", **server: object) -> str:
    one = sample.nps[0].model_copy(update=server)
    return chapter(render(sample.model_copy(update={"nps": (one,)}), lang, edition))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lang", "counts", "nogroup", "despite"),
    [
        (
            "en",
            "May connect: 1. For some requests only: 1. Could not be told: 1. Refused: 17.",
            "no group: any account",
            "overrides the policy",
        ),
        (
            "fr",
            "Refusés\u00a0: 17.",
            "aucun groupe\u00a0: tout compte",
            "l'emporte sur la stratégie",
        ),
    ],
)
def test_policies_and_accounts(
    sample: Judged, lang: Lang, counts: str, nogroup: str, despite: str
) -> None:
    told = said(sample, lang).replace("’", "'")
    assert counts in told and nogroup in told and despite in told
    assert told.index("VPN") < told.index("Everybody") < told.index("Rest")
    assert told.count(nogroup) == 1, "a refusing policy without a group lets nobody in"
    raw = render(sample, lang, "technician")
    raw = raw[raw.index('id="nps"') : raw.index('id="devices"')]
    assert "<script" not in raw and "\u202e" not in raw


def test_without_a_directory_nobody_is_called_refused(sample: Judged) -> None:
    told = said(sample, domains=(), entries=(), refused=0)
    assert "No directory was read" in told and "Refused" not in told


@pytest.mark.parametrize(
    ("local", "words"), [(False, "every request is passed on"), (None, "could not be told")]
)
def test_where_others_decide_it_is_said(sample: Judged, local: bool | None, words: str) -> None:
    assert words in said(sample, local=local, entries=())
    assert words not in said(sample, entries=())


def test_the_client_sees_who_and_not_how(sample: Judged) -> None:
    told = said(sample, "en", "client")
    assert "anne" in told and "192.0.2.77" not in told and 'MATCH("a")' not in told
    assert not chapter(render(sample, "en", "outside"))
    assert not chapter(render(sample.model_copy(update={"nps": ()}), "en", "technician"))


def test_every_word_of_the_model_has_its_text() -> None:
    keys = table()
    for prefix, words in (
        ("nps_verdict", get_args(NpsVerdict)),
        ("nps_method", NPS_METHODS),
        ("nps_entry", get_args(Entry)),
    ):
        assert {f"{prefix}_{w}" for w in words} <= set(keys)
