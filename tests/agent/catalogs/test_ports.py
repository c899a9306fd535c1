"""The sweep asks for every port that something else of the product would judge; what it leaves out is said with the reason."""

from __future__ import annotations

from agent.catalogs.port_sets import port_set
from agent.catalogs.ports import by_number, left_out, load_ports
from agent.catalogs.risks import load_risks
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.judgement.lines import _PORTS  # pyright: ignore[reportPrivateUsage]
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from tests.agent.judgement.sample import DAY, HQ, NOW, Run, engagement, hq_hosts, material


def judged_ports() -> dict[int, str]:
    """Port -> who names it: rules (doors and checklist items name rules), and the services of checklist items."""
    out: dict[int, str] = {port: f"checklist service {name}" for name, port in _PORTS.items()}
    for rule in load_risks().rules:
        for when in rule.when:
            out |= dict.fromkeys((*when.ports, *when.without_ports), f"rule {rule.id}")
    return out


def test_every_port_that_is_judged_is_asked_or_left_out_for_a_reason() -> None:
    named = judged_ports()
    assert len(named) > 60
    missing = {p: who for p, who in named.items() if p not in by_number() and p not in left_out()}
    assert not missing


def test_nothing_is_left_out_that_is_asked_or_that_nobody_names() -> None:
    assert left_out()
    assert not left_out().keys() & by_number().keys()
    assert left_out().keys() <= judged_ports().keys()
    assert all(len(why) > 20 for why in left_out().values())


def test_industrial_ports_are_known_and_not_in_the_set_that_is_asked() -> None:
    assert {1911, 4840, 4911} <= OT_PORTS
    assert {e.port for e in load_ports() if e.ot} == OT_PORTS & by_number().keys()
    assert not OT_PORTS & set(port_set())


def test_raw_print_ports_are_never_spoken_to() -> None:
    assert {9100, 9101, 9102} <= by_number().keys() & RAW_PRINT_PORTS
    assert {by_number()[p].speaks for p in RAW_PRINT_PORTS & by_number().keys()} == {"none"}


def test_industrial_ports_that_nobody_asked_are_said_to_be_not_examined() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    run.sweep(hq_hosts())
    m = material(engagement(HQ), (run,))
    assert judge(m, build(m)).page_one.unknown_by_cause["ot_not_asked"] == 1
    run.end("ot_ports", "192.0.2.1", (run.ask("ot.ports", None, "negative", "weak"),))
    m = material(engagement(HQ), (run,))
    assert "ot_not_asked" not in judge(m, build(m)).page_one.unknown_by_cause
