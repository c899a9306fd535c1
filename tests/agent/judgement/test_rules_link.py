"""Who gives out addresses on the link: a server that client.toml names is no stranger, from the file to the finding."""

from __future__ import annotations

from pathlib import Path

from agent.engagement.facts import facts
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.model.bodies_udp import DhcpServer
from agent.model.finding import Finding
from agent.model.judged import SiteFacts
from tests.agent.engagement.sample import CLIENT
from tests.agent.engagement.sample import engagement as written
from tests.agent.judgement.sample import engagement, material
from tests.agent.judgement.sample_run import DAY, NOW, Run

FIRST, SECOND = "192.0.2.66", "192.0.2.67"


def strangers(*servers: str, declared: tuple[str, ...] = ()) -> list[Finding]:
    """Findings of `dhcp-stranger` after offers of *servers* were heard at a site whose client.toml declares *declared*."""
    site = SiteFacts(
        id="hq", address="", hours="", networks=("192.0.2.0/24",), dhcp_servers=declared
    )
    run = Run(site, NOW - DAY, "run-1")
    for n, server in enumerate(servers):
        body = DhcpServer(message="offer", mac=f"00:1b:21:00:00:{n:02x}", routers=(server,))
        run.see("heard", server, server, body)
    m = material(engagement(site), (run,))
    return [f for f in judge(m, build(m)).findings if f.rule == "dhcp-stranger"]


def test_a_server_nobody_named_is_a_stranger() -> None:
    [found] = strangers(FIRST)
    assert (found.severity, found.params["server"]) == ("low", FIRST)


def test_a_server_that_client_toml_names_is_none() -> None:
    assert strangers(FIRST, declared=(FIRST,)) == []


def test_naming_one_server_silences_no_other() -> None:
    [found] = strangers(FIRST, SECOND, declared=(FIRST,))
    assert (found.severity, found.params["server"]) == ("high", SECOND)
    assert found.params["others"] == FIRST


def test_the_names_come_from_the_site_of_client_toml(tmp_path: Path) -> None:
    line = 'id = "usine"\n'
    assert CLIENT.count(line) == 1
    told = CLIENT.replace(line, f'{line}dhcp_servers = ["192.168.7.9"]\n')
    sites = {s.id: s.dhcp_servers for s in facts(written(tmp_path / "e", told)).sites}
    assert sites == {"usine": ("192.168.7.9",), "depot": ()}
