"""The chapter on remote-access software: whose each instance is, what each edition may tell, and nothing that acts."""

from __future__ import annotations

import html
import re
from typing import Literal

import pytest

from agent.catalogs.removal import removals
from agent.model.attribution import Attribution
from agent.model.inspection import AreaLook, Inspection, LocalAdmin
from agent.model.judged import Judged
from agent.model.known import Known, Why
from agent.model.software import Artefact, SoftwareItem
from reports.html.inside import MOST
from reports.html.render import render
from reports.html.texts import Lang
from tests.reports.sample import judged

WORDS = "<script>alert(1)</script>\u202e=cmd"
HIS = "former-infosud"
UNKNOWN = Attribution(owner="unknown", provider=None, conf=0)


def item(
    number: int, asset: str | None, product: str, owner: Attribution, evidence: str
) -> SoftwareItem:
    return SoftwareItem(
        id=f"{number:032x}",
        asset=asset,
        product=product,
        category="rmm",
        form="running",
        artefacts=(Artefact(kind="process", name=WORDS, value="", evidence=(evidence,)),),
        instance={"instance": "ab12cd34ef56ab78"},
        version=Known[str].not_asked(),
        owner=owner,
    )


@pytest.fixture(scope="module")
def sample() -> Judged:
    plain = judged(devices=12)
    proof = plain.observations[0][1].id
    why = (
        Why(feature="tenant", matched="screenconnect:ab12cd34ef56ab78", weight=1000, strong=True),
    )
    his = Attribution(owner="former", provider=HIS, conf=1000, for_=why)
    items = (
        item(1, plain.assets[0].id, "ninjaone", UNKNOWN, proof),
        item(2, plain.assets[1].id, "screenconnect", his, proof),
        item(3, None, "atera", UNKNOWN.model_copy(update={"suspected": (HIS,)}), proof),
    )
    return plain.model_copy(update={"software": items})


def chapter(document: str) -> str:
    found = re.search(r'<section id="remote".*?</section>', document, re.DOTALL)
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("lang", "his", "nobody", "policy"),
    [
        ("en", "former provider", "owner unknown", "in a policy only"),
        ("fr", "ancien prestataire", "propriétaire inconnu", "dans une stratégie seulement"),
    ],
)
def test_his_come_first_and_each_says_whose_it_is(
    sample: Judged, lang: Lang, his: str, nobody: str, policy: str
) -> None:
    text = html.unescape(chapter(render(sample, lang, "technician")))
    by_tool, instances = re.findall(r"<tbody>(.*?)</tbody>", text, re.DOTALL)[:2]
    assert "ScreenConnect" in by_tool.split("</tr>")[0]
    rows = re.findall(r"<tr>.*?</tr>", instances, re.DOTALL)
    assert len(rows) == 3
    assert his in rows[0] and "ScreenConnect" in rows[0]
    assert "ab12cd34ef56ab78" in rows[0]
    assert nobody in rows[1] and nobody in rows[2]
    assert any(policy in row for row in rows)
    # What nobody looked for is said, not left blank.
    assert instances.count('class="not_examined"') == 3


def test_nothing_of_a_device_acts(sample: Judged) -> None:
    told = chapter(render(sample, "en", "technician"))
    assert "<script" not in told
    assert "\u202e" not in told


def test_the_client_sees_whose_and_not_how_to_get_in(sample: Judged) -> None:
    told = chapter(render(sample, "en", "client"))
    assert "ScreenConnect" in told
    assert "ab12cd34ef56ab78" not in told
    assert chapter(render(sample, "en", "outside")) == ""


def test_a_page_without_any_says_that_it_proves_nothing(sample: Judged) -> None:
    none = sample.model_copy(update={"software": ()})
    assert "is not clean" in chapter(render(none, "en", "technician"))


@pytest.mark.parametrize(
    ("lang", "lifted", "futile", "unknown"),
    [
        (
            "en",
            "to lift the uninstall protection",
            "back is closed (machines: 1)",
            "not known: ask",
        ),
        ("fr", "lever la protection", "(machines\u00a0: 1)", "non connu\u00a0: demander"),
    ],
)
def test_how_they_come_off(
    sample: Judged, lang: Lang, lifted: str, futile: str, unknown: str
) -> None:
    first, his, policy = sample.software
    proof = sample.observations[0][1].id
    ours = his.model_copy(
        update={
            "id": "9" * 32,
            "product": "atera",
            "owner": Attribution(owner="unknown", provider=None, conf=0).model_copy(
                update={"owner": "client"}
            ),
        }
    )
    again = his.model_copy(update={"reinstalled_by": (proof,)})
    told = chapter(
        render(
            sample.model_copy(update={"software": (first, again, policy, ours)}), lang, "technician"
        )
    )
    assert lifted in told and futile in told and unknown in told
    part = told[told.index("Taking them off" if lang == "en" else "Les retirer") :]
    part = part[: part.index("</table>")]
    assert part.index("ScreenConnect") < part.index("NinjaOne"), "the former provider's first"
    assert "Atera" not in part, "neither what the client keeps, nor what stands in a policy only"


def off(sample: Judged, **changes: object) -> str:
    """The part on taking agents off."""
    told = html.unescape(chapter(render(sample.model_copy(update=changes), "en", "technician")))
    if "Taking them off" not in told:
        return ""
    return told[told.index("Taking them off") :]


def one(told: str, product: str) -> str:
    rows = re.findall(r"<tr>.*?</tr>", told, re.DOTALL)
    return next((r for r in rows if product in r), "")


def test_a_removal_is_futile_only_where_something_brings_it_back(sample: Judged) -> None:
    _, his, _ = sample.software
    there = sample.assets
    again = his.model_copy(update={"reinstalled_by": (sample.observations[0][1].id,)})
    others = tuple(his.model_copy(update={"id": f"{n:032x}", "asset": there[n].id}) for n in (5, 6))
    row = one(off(sample, software=(again, *others)), "ScreenConnect")
    assert "back is closed (machines: 1)" in row
    assert "starts not read to their end on 3 of these machines" in row
    read = tuple(
        Inspection(
            asset=a.id,
            channel="endpoint",
            areas=tuple(AreaLook(area=n, state="done") for n in ("tasks", "autostarts")),
        )
        for a in there
    )
    row = one(off(sample, software=(again, *others), inspections=read), "ScreenConnect")
    assert "starts not read" not in row


@pytest.mark.parametrize("stays", ["ours", "approved", "client"])
def test_what_stays_is_not_taken_off(sample: Judged, stays: str) -> None:
    first = sample.software[0]
    owner = UNKNOWN.model_copy(update={"owner": stays})
    assert off(sample, software=(first,))
    assert not off(sample, software=(first.model_copy(update={"owner": owner}),))


def test_traces_count_where_they_register_it_anew(sample: Judged) -> None:
    first = sample.software[0]
    traces = first.model_copy(update={"product": "cw_rmm", "form": "residue"})
    told = off(sample, software=(traces,))
    assert "only traces that register it anew: 1" in one(told, removals()["cw_rmm"].how)
    assert not off(sample, software=(first.model_copy(update={"form": "residue"}),))


def test_what_has_no_row_is_said(sample: Judged) -> None:
    first, _, policy = sample.software
    told = off(sample, software=(first.model_copy(update={"product": None}), policy))
    assert "whose product is not known: 1" in told
    assert "In a policy only, on no machine that was looked at: 1" in told
    assert "<table" not in told.split("</section>")[0].split("<h3")[0]


def test_a_provider_who_must_not_know_is_not_asked(sample: Judged) -> None:
    quiet = sample.engagement
    assert not quiet.former_knows
    assert "do not send it" in off(sample)
    open_ = off(sample, engagement=quiet.model_copy(update={"former_knows": True}))
    assert "do not send it" not in open_ and "Ask in writing" in open_


def test_what_nobody_tried_is_called_believed(sample: Judged) -> None:
    first = sample.software[0]
    sure = {r.sure: r.tool for r in removals().values()}
    for tried, tool in sure.items():
        row = off(sample, software=(first.model_copy(update={"product": tool}),))
        assert ("believed, not tested" in row) is not tried


def test_administrators_beyond_the_page_are_counted(sample: Judged) -> None:
    where = sample.assets[0].id
    many = tuple(
        LocalAdmin(name=f"a{n}", kind="user", groups=(), hosts=(where,), evidence=())
        for n in range(MOST + 3)
    )
    told = html.unescape(
        chapter(render(sample.model_copy(update={"local_admins": many}), "en", "technician"))
    )
    assert "3 more stand in inventory.json" in told


@pytest.mark.parametrize(("state", "said"), [("done", False), ("not_looked", True)])
def test_machines_whose_groups_nobody_read_are_named(
    sample: Judged, state: Literal["done", "not_looked"], said: bool
) -> None:
    one_ = Inspection(
        asset=sample.assets[0].id,
        channel="endpoint",
        areas=(AreaLook(area="accounts", state=state),),
    )
    told = html.unescape(
        chapter(render(sample.model_copy(update={"inspections": (one_,)}), "en", "technician"))
    )
    assert ("Who is administrator there is not known" in told) is said
