"""Remote-access agents on the machine handover runs on: seen, told whose, and no secret is taken beside the former provider's."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.credentials import AccountBook
from agent.engagement.engagement import Engagement
from agent.engagement.problems import Refusal
from agent.own_host import Channel, OwnHost, Sign, look_at_own_host, match, refuse_if_former, whose
from tests.agent.engagement.sample import CLIENT, MSP, engagement

CANARY = "Tr0ub4dor&3-canary"


def lent(e: Engagement) -> str:
    with AccountBook(e, environ={"HANDOVER_AD": CANARY}).lend("ad") as secret:
        return secret.reveal()


def sign(channel: Channel, text: str) -> Sign:
    found = match(channel, text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("channel", "text", "owner"),
    [
        ("service", "ScreenConnect Client (ab12cd34ef56ab78)", "former"),
        ("service", "ScreenConnect Client (FFFFFFFFFFFFFFFF)", "former"),  # learned earlier
        ("service", "ScreenConnect Client (0123456789abcdef)", "ours"),
        ("process", "ScreenConnect.ClientService.exe", "former"),  # his, until shown to be ours
        ("process", "BASupSrvc.exe", "former"),
        ("process", "ninjarmm-linagent", "ours"),
        ("process", "teamviewerd", "approved"),
        ("process", "rustdesk", "unknown"),
    ],
)
def test_whose_it_is(tmp_path: Path, channel: Channel, text: str, owner: str) -> None:
    assert whose(engagement(tmp_path), sign(channel, text), "srv-erp.durand.example") == owner


def test_what_is_approved_on_another_machine_is_nobodys_here(tmp_path: Path) -> None:
    teamviewer = sign("process", "teamviewerd")
    assert whose(engagement(tmp_path), teamviewer, "laptop-7") == "unknown"
    assert whose(engagement(tmp_path), teamviewer, "") == "unknown"
    anywhere = engagement(tmp_path, CLIENT.replace('on = ["SRV-ERP"]\n', ""))
    assert whose(anywhere, teamviewer, "laptop-7") == "approved"


def test_a_tenant_outweighs_whose_tool_it_is_said_to_be(tmp_path: Path) -> None:
    client = CLIENT.replace('"ScreenConnect"]', '"Other"]')
    e = engagement(tmp_path, client, MSP.replace('"NinjaOne"', '"ScreenConnect"'))
    his, mine, another = ("ab12cd34ef56ab78", "0123456789abcdef", "1111111111111111")
    owners = [
        whose(e, sign("service", f"ScreenConnect Client ({i})")) for i in (his, mine, another)
    ]
    assert owners == ["former", "ours", "ours"]


def test_no_account_where_the_former_provider_watches(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    his = OwnHost((sign("process", "BASupSrvc.exe"),))
    with pytest.raises(Refusal) as caught:
        refuse_if_former(e, his)
    assert caught.value.code == 4
    assert "N-able N-central (process BASupSrvc.exe)" in caught.value.message
    refuse_if_former(e, OwnHost((sign("process", "rustdesk"), sign("process", "teamviewerd"))))
    without = CLIENT[: CLIENT.index("[[account]]")] + CLIENT[CLIENT.index("[imports]") :]
    refuse_if_former(engagement(tmp_path, without), his)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_running_agent_is_seen_on_this_machine(tmp_path: Path) -> None:
    """A real process by that name; and the book with its own guard refuses."""
    program = tmp_path / "BASupSrvc"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    e = engagement(tmp_path / "eng")
    seen = {s.tool.id for s in look_at_own_host().signs}
    assert "ncentral" not in seen
    with subprocess.Popen([str(program), "60"]) as agent:
        try:
            while Path(f"/proc/{agent.pid}/exe").readlink() != program:
                time.sleep(0.01)
            signs = [s for s in look_at_own_host().signs if s.tool.id == "ncentral"]
            assert [s.evidence for s in signs] == ["process BASupSrvc"]
            with pytest.raises(Refusal, match="former provider can watch it"):
                lent(e)
        finally:
            agent.kill()
    assert lent(e) == CANARY


def test_what_could_not_be_looked_at_is_said(tmp_path: Path) -> None:
    assert "cannot be listed" in look_at_own_host(tmp_path / "none").problem
    (tmp_path / "77").mkdir()
    (tmp_path / "77" / "comm").write_text("teamviewerd\n")
    found = look_at_own_host(tmp_path)
    assert [s.tool.id for s in found.signs] == ["teamviewer"]
