"""Two sites with one address range, two days, a colleague's run file and a sheet, judged together: nothing lost, nothing mixed."""

from __future__ import annotations

from agent.model.asset import Asset
from agent.model.judged import Judged
from tests.acceptance.conftest import CAMERA, SITES, STOPPED, Story
from tests.acceptance.product import DAY_S, MARKS, handover, judged_of, runs_of

pytestmark = MARKS
ROAMING = "portable-dg"
"""One laptop, met at both sites by its card's MAC address."""


def at(judged: Judged, site: str) -> dict[str, Asset]:
    """Address -> the asset that has it at *site*."""
    return {
        r.value: a
        for a in judged.assets
        for p in a.ports
        for r in p.addrs
        if r.ns == f"site/{site}"
    }


def test_import_brings_the_colleagues_run_and_the_sheet(story: Story) -> None:
    assert story.imported is not None
    assert story.imported.code == 0, story.imported.text
    assert "3 claimed devices at siege" in story.imported.out
    assert len(runs_of(story.home)) == 5
    again = handover("import", story.home, story.visits["depot", "raw"].run)
    assert again.code == 0, again.text
    assert "already here" in again.out
    assert len(runs_of(story.home)) == 5


def test_the_union_is_right(story: Story) -> None:
    judged = judged_of(story.home)
    assert len(judged.runs) == 5
    for site in SITES:
        first, second = (story.visits[site, k].truth.site(site) for k in ("raw", "plain"))
        ever = {a for a, _ in first.live()} | {a for a, _ in second.live()}
        assert set(at(judged, site)) == ever
        live = {addr for addr, a in at(judged, site).items() if a.presence == "live"}
        assert live == {a for a, _ in second.live()}


def test_the_newest_wins_and_the_older_is_kept(story: Story) -> None:
    judged = judged_of(story.home)
    today = {r.header.run_id for r in judged.runs if r.header.vantage.mode == "unprivileged"}
    days = {r.header.run_id: r.header.started // (DAY_S * 1_000_000) for r in judged.runs}
    assert len(today) == 2
    assert len(set(days.values())) == 2
    for site, host, port in STOPPED:
        addr = story.visits[site, "raw"].truth.site(site).host(host).addrs[0]
        states = {
            s.state
            for s in judged.services
            if (s.at.ns, s.at.value.split("/")[0], s.port) == (f"site/{site}", addr, port)
        }
        # Asked again and not found open: nobody looked at it closely enough to call it closed.
        assert states == {"silent"}
        seen = [
            run
            for run, o in judged.observations
            if (o.subject.ns, o.subject.value) == (f"site/{site}", addr)
            and getattr(o.body, "port", 0) == port
        ]
        assert seen
        assert not today & set(seen)
    gone = story.visits["depot", "raw"].truth.site("depot").host(CAMERA).addrs[0]
    assert at(judged, "depot")[gone].presence == "unseen"
    assert judged.page_one.since_last is not None
    assert judged.page_one.since_last["gone"] == 1


def test_nothing_leaks_from_one_site_to_the_other(story: Story) -> None:
    judged = judged_of(story.home)
    truth = story.visits["siege", "raw"].truth
    both = {a.id: a.sites for a in judged.assets if len(a.sites) > 1}
    laptop = {s: truth.site(s).host(ROAMING).addrs[0] for s in SITES}
    assert {a.id for s, addr in laptop.items() for a in [at(judged, s)[addr]]} >= set(both)
    shared = {a for a, _ in truth.site("siege").live()} & {a for a, _ in truth.site("depot").live()}
    assert len(shared) > 8
    for addr in shared:
        assert at(judged, "siege")[addr].id != at(judged, "depot")[addr].id
    for asset in judged.assets:
        if asset.id in both:
            continue
        (site,) = asset.sites
        evidence = set(asset.evidence)
        spaces = {o.subject.ns for _, o in judged.observations if o.id in evidence}
        assert spaces <= {f"site/{site}", f"sheet/{site}"}
        for service in judged.services:
            if service.asset == asset.id:
                assert service.at.ns == f"site/{site}"
    # What is left alone at one site is an ordinary device at the other.
    (never,) = truth.site("siege").never
    assert never in at(judged, "depot")
    assert never not in at(judged, "siege")


def test_the_sheet_is_a_claim_of_its_site_only(story: Story) -> None:
    judged = judged_of(story.home)
    claimed = [a for a in judged.assets if a.presence == "claimed"]
    # An address alone is no proof that the line means the device that has it today.
    assert {judged.labels[a.id] for a in claimed} == {"COFFRE-SAUVEGARDE", "IMPRIMANTE-DG"}
    assert {a.sites for a in claimed} == {("siege",)}
    names = {
        site: {
            addr: {v for v, _ in a.attrs["name"].candidates}
            for addr, a in at(judged, site).items()
            if "name" in a.attrs
        }
        for site in SITES
    }
    assert "SRV-FIC" in names["siege"]["192.168.1.20"]
    for said in ("SRV-FIC", "IMPRIMANTE-DG", "COFFRE-SAUVEGARDE"):
        assert not [addr for addr, known in names["depot"].items() if said in known]
    assert "IMPRIMANTE-DG" not in names["siege"].get("192.168.1.72", set())
