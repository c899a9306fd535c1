"""What counts as a complete look: units of one run that ended differently, evidence lost, probes that stand in for each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.judgement.looked import Looked
from agent.material import Material
from agent.model.bodies import ArpEntry
from agent.model.judged import SiteFacts
from agent.model.ref import addr
from agent.model.run import RunHeader
from tests.agent.judgement.sample import HQ, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, NOW, Run

IP = "192.0.2.1"
LISTENERS = "endpoint.listeners"


def run(n: int = 1) -> Run:
    made = Run(HQ, NOW - (9 - n) * DAY, f"run-{n}")
    made.sweep({IP: hq_hosts()[IP]})
    return made


def inside(one: Run, probe: str, outcome: str = "negative", ended: str = "done") -> None:
    ask = one.ask(LISTENERS, addr("hq", IP), outcome)  # type: ignore[arg-type]
    one.end(probe, IP, (ask,), (IP,), ended, "" if ended == "done" else "x")  # type: ignore[arg-type]


def looked(*runs: Run, **more: Any) -> Looked:
    return Looked(material(engagement(HQ), runs, **more))


def proved(*runs: Run, **more: Any) -> tuple[str, ...]:
    return looked(*runs, **more).proved(LISTENERS, [addr("hq", IP)])


def test_every_unit_of_the_run_must_have_finished() -> None:
    one = run()
    inside(one, "by_rmm")
    assert proved(one) == (f"by_rmm/{IP}",)
    inside(one, "by_winrm", ended="failed")
    assert proved(one) == ()
    # A probe that is known never to ask this leaves nothing open.
    assert proved(one, asks={"by_winrm": frozenset({"endpoint.patches"})}) == (f"by_rmm/{IP}",)


def test_an_address_that_nobody_asked_has_no_proof() -> None:
    one = run()
    inside(one, "by_rmm")
    other = addr("hq", "192.0.2.2")
    assert looked(one).proved(LISTENERS, [addr("hq", IP), other]) == ()
    assert looked(one).proved(LISTENERS, []) == ()


def test_the_newest_run_that_asked_decides() -> None:
    first, second, third = run(1), run(2), run(3)
    inside(first, "by_rmm")
    # The third asked only whether it is there: that leaves the first one's proof as it is.
    assert proved(first, third)
    inside(second, "by_rmm", "silent")
    assert not proved(first, second, third)
    inside(third, "by_rmm")
    assert proved(first, second, third)


def test_an_answer_without_its_evidence_proves_nothing() -> None:
    one = run()
    inside(one, "by_rmm", "answered")
    assert not proved(one)


def whole(m: Material) -> bool:
    return Looked(m).whole(m.engagement.sites[0])


def test_a_sweep_that_was_cut_off_leaves_the_site_open() -> None:
    first, second = run(1), run(2)
    assert whole(material(engagement(HQ), (first, second)))
    n = next(n for n, s in enumerate(second.statuses) if s.unit == HQ.networks[0])
    second.statuses[n] = second.statuses[n].model_copy(
        update={"outcome": "failed", "reason": "the link went down"}
    )
    assert not whole(material(engagement(HQ), (first, second)))


def test_a_device_whose_evidence_is_lost_leaves_the_site_open() -> None:
    m = material(engagement(HQ), (run(),))
    uncounted = tuple(r.model_copy(update={"observations": 0}) for r in m.runs)
    rest = tuple(p for p in m.observations if not isinstance(p[1].body, ArpEntry))
    assert not whole(replace(m, observations=rest, runs=uncounted))


class Beyond(Run):
    """A run whose vantage has one network on its link."""

    @property
    def header(self) -> RunHeader:
        header = super().header
        vantage = header.vantage.model_copy(update={"on_link": ("192.0.2.0/24",)})
        return header.model_copy(update={"vantage": vantage})


@pytest.mark.parametrize(
    ("networks", "stood_in"),
    [(("192.0.2.0/27",), True), (("192.0.2.0/27", "198.51.100.0/29"), False)],
    ids=["on the link", "beyond"],
)
@pytest.mark.parametrize("probe", ["icmp", "ping"])
def test_arp_stands_in_for_icmp_on_its_own_link_only(
    networks: tuple[str, ...], stood_in: bool, probe: str
) -> None:
    """ARP speaks of the link: behind the router, ping was the only question, and leaving it out must be said."""
    site: SiteFacts = HQ.model_copy(update={"networks": networks, "unreached": ()})
    one = Beyond(site, NOW - DAY, "run-1")
    one.sweep({IP: hq_hosts()[IP]})
    one.end(probe, "*", outcome="skipped", reason="needs raw sockets")
    m = material(engagement(site), (one,))
    said = [u for u in judge(m, build(m)).unknowns if u.cause == "unit_skipped"]
    assert [u.label for u in said] == ([] if stood_in else [probe])


def test_ping_stands_in_for_icmp_beyond_the_link_too() -> None:
    one = Run(HQ, NOW - DAY, "run-1")
    one.end("icmp", "*", outcome="skipped", reason="needs raw sockets")
    assert [x.probe for x in looked(one).missed] == ["icmp"]
    ask = one.ask("icmp.echo", addr("hq", IP), "answered", "weak")
    one.end("ping", f"{IP}-{IP}", (ask,), (IP,))
    assert not looked(one).missed


def test_what_the_newest_run_did_not_finish_is_listed() -> None:
    """Else the report would say that a line is unknown, and nowhere why."""
    first, second = run(1), run(2)
    inside(first, "by_rmm")
    inside(second, "by_rmm", ended="failed")
    [missed] = looked(first, second).missed
    assert (missed.probe, missed.unit, missed.outcome) == ("by_rmm", IP, "failed")
    third = run(3)
    inside(third, "by_rmm")
    assert not looked(first, second, third).missed
