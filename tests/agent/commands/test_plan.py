"""`handover plan` and `handover doctor`: everything is said before anything is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from agent.commands.doctor import effective_capabilities
from agent.commands.plan import lines
from agent.contract import OutOfScope, Probe
from agent.engagement.forecast import IDLE
from agent.engagement.outlook import Outlook, outlook
from agent.engagement.problems import EngagementError
from agent.registry import PROBES
from tests.agent.commands.terminal import handover
from tests.agent.engagement.sample import CLIENT, engagement, folder, here

GOOD = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def ahead(path: Path, client: str = CLIENT, **more: Any) -> Outlook:
    return outlook(engagement(path, client), "usine", GOOD, PROBES, here=here(), **more)


def test_a_run_that_may_start(tmp_path: Path) -> None:
    o = ahead(tmp_path)
    assert o.may_start and o.profile == "quiet"
    # 254 + 254 + 14 hosts, without the card terminal.
    assert o.hosts == 521
    assert [(n.net, n.asked) for n in o.networks if not n.asked] == [
        ("192.168.9.0/24", False),
        ("192.168.10.0/24", False),
        ("192.168.11.0/24", False),
    ]
    by_name = {p.probe: p for p in o.probes}
    assert set(by_name) == {p.name for p in PROBES}
    assert by_name["arp"].runs and by_name["arp"].packets >= 254
    # At ten a second.
    assert by_name["arp"].seconds * 10 >= by_name["arp"].packets
    assert by_name["services"].per_host and by_name["services"].packets > 0
    assert o.packets == sum(p.packets for p in o.probes if p.runs and not p.per_host)


def test_without_raw_packets_it_says_what_is_lost(tmp_path: Path) -> None:
    o = ahead(tmp_path, raw_why="no right")
    by_name = {p.probe: p for p in o.probes}
    assert by_name["arp"].why_not == "needs raw sockets: no right"
    # The kernel's own table stands in for it on this machine's link; with raw packets it has nothing to do.
    assert by_name["neighbours"].runs and by_name["neighbours"].packets > 0
    assert "what probe arp would see" in {u.what for u in o.unknown}
    with_raw = {p.probe: p for p in ahead(tmp_path).probes}
    assert with_raw["neighbours"].why_not == IDLE
    assert "what probe neighbours would see" not in {u.what for u in ahead(tmp_path).unknown}


def test_who_notices_is_told_in_the_language_asked_for(tmp_path: Path) -> None:
    en, fr = ahead(tmp_path), ahead(tmp_path, language="fr")
    assert [n.id for n in en.notices] == [n.id for n in fr.notices] != []
    assert not {n.who for n in en.notices} & {n.who for n in fr.notices}
    assert "snmp-trap" not in {n.id for n in en.notices}


def test_what_is_missing_and_what_stays_unknown(tmp_path: Path) -> None:
    client = CLIENT.replace("staff_informed = true\n", "").replace(
        'production = "listed"', 'production = "unplaced"'
    )
    o = ahead(tmp_path, client)
    missing = dict(o.missing)
    assert missing["mandate.staff_informed"] == "staff_informed = true"
    assert "care.lift (not asked yet)" in missing and "care.production (unplaced)" in missing
    assert "care.medical (not asked yet)" not in missing
    assert not o.may_start
    unknown = {u.what for u in o.unknown}
    assert "192.168.7.60" in unknown and "site depot" in unknown
    assert any(w.startswith("firewalls:") for w in unknown)
    assert not any(w.startswith("snmp:") for w in unknown)


def test_accounts_present_and_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDOVER_AD", "Tr0ub4dor-canary")
    o = ahead(tmp_path)
    assert [(a.id, a.ready) for a in o.accounts] == [("ad", True), ("snmp", False)]
    assert "canary" not in o.model_dump_json() + "\n".join(lines(o))


def test_a_scope_too_wide_is_said_without_being_walked(tmp_path: Path) -> None:
    o = ahead(tmp_path, CLIENT.replace("192.168.8.0/24", "10.0.0.0/8"))
    scope = next(c for c in o.checks if c.subject == "scope")
    assert not scope.ok and "--wide" in scope.next_step
    assert o.probes == () and o.hosts > 1 << 24


@dataclass(frozen=True)
class Sender:
    """A probe that would send while it plans."""

    inner: Probe = field(default_factory=lambda: PROBES[0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def plan(self, ctx: Any) -> list[Any]:
        ctx.pace.turn("192.168.7.1").send(None)
        return []


def test_a_probe_cannot_send_while_it_plans(tmp_path: Path) -> None:
    with pytest.raises(OutOfScope, match="a plan sends nothing"):
        outlook(engagement(tmp_path), "usine", GOOD, [cast("Probe", Sender())], here=here())


def test_the_command(tmp_path: Path) -> None:
    folder(tmp_path)
    code, out, _ = handover("plan", tmp_path)
    assert code == 0
    for word in (
        "site usine",
        "site depot",
        "MAY A RUN START?  NO",
        "SCOPE",
        "BUDGET",
        "WHO WILL NOTICE",
        "WHAT STAYS UNKNOWN",
        "has no pin",
    ):
        assert word in out
    code, out, _ = handover("plan", tmp_path, "--site", "depot", "--json")
    assert code == 0 and Outlook.model_validate_json(out).site == "depot"
    code, _, err = handover("plan", tmp_path, "--site", "nowhere")
    assert code == 2 and "there are: usine, depot" in err
    (tmp_path / "client.toml").write_text("[client]\n")
    code, _, err = handover("plan", tmp_path)
    assert code == 2 and "client.name: is missing" in err


def test_doctor() -> None:
    code, out, _ = handover("doctor")
    assert code == 0 and "raw packets" in out and "gives:" in out
    code, out, _ = handover("doctor", "--json")
    found = {line["name"]: line for line in json.loads(out)["doctor"]}
    assert found["Python"]["state"] == "yes"
    assert {line["state"] for line in found.values()} <= {"yes", "no", "unknown"}
    assert found["module pyrage"]["state"] == "yes"


def test_doctor_without_programs_says_no(tmp_path: Path) -> None:
    code, out, _ = handover("doctor", "--json", env={"PATH": str(tmp_path)})
    assert code == 0 and json.loads(out)["doctor"]
    (tmp_path / "nmap").write_text("#!/bin/sh\necho 'Nmap version 99'\n")
    (tmp_path / "nmap").chmod(0o755)
    out = handover("doctor", "--json", env={"PATH": str(tmp_path)})[1]
    found = {line["name"]: line for line in json.loads(out)["doctor"]}
    assert found["program nmap"]["found"] == "Nmap version 99"
    (tmp_path / "nmap").write_text("")
    found = {
        x["name"]: x
        for x in json.loads(handover("doctor", "--json", env={"PATH": str(tmp_path)})[1])["doctor"]
    }
    assert found["program nmap"]["state"] == "unknown"


@pytest.mark.root
def test_doctor_sees_that_the_right_to_raw_packets_is_gone() -> None:
    import subprocess
    import sys

    drop = (
        "import ctypes, os, sys\n"
        "assert ctypes.CDLL(None).prctl(24, 13, 0, 0, 0) == 0\n"  # PR_CAPBSET_DROP, CAP_NET_RAW
        "os.execv(sys.executable, [sys.executable, '-m', 'agent', 'doctor', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", drop], capture_output=True, text=True, check=True)
    found = {line["name"]: line for line in json.loads(done.stdout)["doctor"]}
    assert found["raw packets"]["state"] == "no" and "setcap" in found["raw packets"]["step"]


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("Name:\tx\nCapEff:\t0000000000002000\n", 0x2000),
        ("", None),
        ("CapEff:\n", None),
        ("CapEff: zz", None),
    ],
)
def test_capabilities(text: str, mask: int | None) -> None:
    assert effective_capabilities(text) == mask


def test_the_ports_that_would_be_asked_are_told_and_the_flag_wins(tmp_path: Path) -> None:
    told = ahead(tmp_path).ports
    assert (told.choice, told.by) == ("msp", "client.toml")
    lists = CLIENT.replace('id = "usine"', 'id = "usine"\nports = [22, "8000-8010"]', 1)
    assert lists != CLIENT
    by_file = ahead(tmp_path / "a", lists)
    assert (by_file.ports.choice, by_file.ports.count) == ("22,8000-8010", 12)
    assert "  12 TCP ports of each: 22,8000-8010, by client.toml" in list(lines(by_file))
    flag = ahead(tmp_path / "b", lists, ports="443")
    assert (flag.ports.choice, flag.ports.count, flag.ports.by) == ("443", 1, "--ports")
    # The budget follows.
    ports = {o.ports.count: {p.probe: p for p in o.probes}["tcp_ports"] for o in (by_file, flag)}
    assert ports[12].packets == 12 * ports[1].packets or ports[12].packets > ports[1].packets


@pytest.mark.parametrize("wrong", ['"all"', "[70000]", "[]", "[true]", "22.5"])
def test_ports_that_cannot_be_are_refused_with_an_example(tmp_path: Path, wrong: str) -> None:
    text = CLIENT.replace('id = "usine"', f'id = "usine"\nports = {wrong}', 1)
    with pytest.raises(EngagementError, match="ports"):
        ahead(tmp_path, text)
