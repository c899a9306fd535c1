"""The sweep asks for every port that something else of the product would judge; what it leaves out is said with the reason."""

from __future__ import annotations

from agent.catalogs.port_sets import port_set
from agent.catalogs.ports import by_number, left_out, load_ports
from agent.catalogs.risks import load_risks
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.judgement.lines import _PORTS  # pyright: ignore[reportPrivateUsage]
from agent.model.ref import addr
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from tests.agent.judgement.sample import HQ, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, NOW, Run


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


TWO = HQ.model_copy(
    update={"networks": ("192.0.2.0/28", "192.0.2.16/28"), "never": (), "unreached": ()}
)


def _unasked(run: Run) -> list[str]:
    m = material(engagement(TWO), (run,))
    unknowns = judge(m, build(m)).unknowns
    return sorted(str(u.params["network"]) for u in unknowns if u.cause == "ot_not_asked")


def _two_networks() -> tuple[Run, list[str]]:
    run = Run(TWO, NOW - DAY, "run-1")
    hosts = {ip: h for ip, h in hq_hosts().items() if ip.startswith("192.0.2.")}
    run.sweep(hosts)
    near = [ip for ip in hosts if 0 < int(ip.rsplit(".", 1)[1]) < 15]
    assert len(near) > 1
    return run, near


def test_industrial_ports_are_unknown_but_in_the_networks_that_were_looked_at() -> None:
    run, near = _two_networks()
    assert _unasked(run) == ["192.0.2.0/28", "192.0.2.16/28"]
    for ip in near[1:]:
        run.end("ot", ip, (run.ask("ot.ports", addr("hq", ip), "negative", "weak"),), (ip,))
    # One device that is there was not asked.
    assert _unasked(run) == ["192.0.2.0/28", "192.0.2.16/28"]
    run.end("ot", near[0], (run.ask("ot.ports", addr("hq", near[0]), "silent", "weak"),))
    assert _unasked(run) == ["192.0.2.16/28"]


def test_silence_everywhere_or_an_address_nobody_looked_for_is_no_look_at_industrial_ports() -> (
    None
):
    run, near = _two_networks()
    for ip in near:
        run.end("ot", ip, (run.ask("ot.ports", addr("hq", ip), "silent", "weak"),), (ip,))
    assert "192.0.2.0/28" in _unasked(run)
    run, near = _two_networks()
    for ip in near:
        run.end("ot", ip, (run.ask("ot.ports", addr("hq", ip), "negative", "weak"),), (ip,))
    assert "192.0.2.0/28" not in _unasked(run)
    run.statuses = [s for s in run.statuses if (s.probe, s.unit) != ("arp", "192.0.2.0/28")]
    assert "192.0.2.0/28" in _unasked(run)
