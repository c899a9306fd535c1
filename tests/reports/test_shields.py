"""What to ask for before protection goes: of what does not stay, the former provider's first, and not sent where he must not know."""

from __future__ import annotations

import html
import re

import pytest

from agent.catalogs.protection import by_id
from agent.model.attribution import Attribution, Owner
from agent.model.judged import Judged
from agent.model.known import Known, Why
from agent.model.protection import Conflict, ProtectionItem
from reports.html.render import render
from reports.html.shields import MOST
from reports.html.texts import Lang
from tests.reports.sample import judged


def owned(owner: Owner) -> Attribution:
    why = (Why(feature="tenant", matched="x", weight=1000, strong=True),)
    if owner == "former":
        return Attribution(owner=owner, provider="former-infosud", conf=1000, for_=why)
    return Attribution(owner="unknown", provider=None, conf=0).model_copy(update={"owner": owner})


@pytest.fixture(scope="module")
def plain() -> Judged:
    return judged(devices=4)


def item(
    plain: Judged, product: str, owner: Owner, number: int = 1, **more: object
) -> ProtectionItem:
    known = by_id()[product]
    return ProtectionItem.model_validate(
        {
            "id": f"{number:032x}",
            "asset": plain.assets[number % len(plain.assets)].id,
            "product": product,
            "kind": known.kind,
            "builtin": known.builtin,
            "form": "running",
            "engine": "unknown",
            "artefacts": (),
            "version": Known[str].not_asked(),
            "updated": Known[str].not_asked(),
            "owner": owned(owner),
            **more,
        }
    )


def told(plain: Judged, lang: Lang, *items: ProtectionItem, **more: object) -> str:
    page = render(plain.model_copy(update={"protection": items, **more}), lang, "technician")
    text = html.unescape(page)
    start = re.search("To be asked before protection|À demander avant de retirer", text)
    return text[start.start() : text.index("</section>", start.start())] if start else ""


@pytest.mark.parametrize(
    ("lang", "asked"), [("en", "maintenance token"), ("fr", "jeton de maintenance")]
)
def test_what_to_ask_and_whom(plain: Judged, lang: Lang, asked: str) -> None:
    text = told(
        plain,
        lang,
        item(plain, "crowdstrike", "unknown", 1),
        item(plain, "crowdstrike", "unknown", 2),
        item(plain, "sentinelone", "former", 3),
    )
    assert asked in text
    assert text.index("SentinelOne") < text.index("CrowdStrike"), "his come first"
    assert "2</td>" in text


@pytest.mark.parametrize("owner", ["ours", "approved", "client"])
def test_what_stays_is_not_asked_for(plain: Judged, owner: Owner) -> None:
    assert not told(plain, "en", item(plain, "crowdstrike", owner))


def test_what_locks_nothing_or_is_gone_is_not_asked_for(plain: Judged) -> None:
    assert not told(plain, "en", item(plain, "nable_avdefender", "former"))
    assert not told(plain, "en", item(plain, "crowdstrike", "former", form="residue"))


def test_he_who_must_not_know_is_not_asked(plain: Judged) -> None:
    one = item(plain, "crowdstrike", "former")
    assert "do not send it" in told(plain, "en", one)
    open_ = plain.engagement.model_copy(update={"former_knows": True})
    assert "do not send it" not in told(plain, "en", one, engagement=open_)


def test_conflicts_beyond_the_page_are_counted(plain: Judged) -> None:
    clashes = tuple(
        Conflict(
            id=f"{n:032x}",
            asset=plain.assets[0].id,
            kind="two_rmm",
            verdict="unknown",
            open=("patching",),
            products=("atera", "ninjaone"),
            items=(),
            evidence=(),
        )
        for n in range(MOST + 5)
    )
    page = render(plain.model_copy(update={"clashes": clashes}), "en", "technician")
    assert "5 more stand in inventory.json" in html.unescape(page)
