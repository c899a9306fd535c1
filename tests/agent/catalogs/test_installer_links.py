"""An installer as people have it: instance and server come out, no secret does, and no text makes it fail."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogs.installer_links import installers, screenconnect_instance

KEY = base64.b64encode(bytes(range(1, 149)) + b"\xfb\xff").decode()
INSTANCE = hashlib.md5(bytes(range(1, 149)) + b"\xfb\xff").hexdigest()[16:]


@pytest.mark.parametrize("key", [KEY, quote(KEY, safe=""), KEY.rstrip("=")])
def test_a_screenconnect_link_names_instance_and_relay(key: str) -> None:
    link = f"https://acme.example/Bin/a.msi?e=Access&y=Guest&h=Relay.acme.example&p=8041&k={key}"
    (one,) = installers(link)
    assert (one.tool, one.ids, one.hosts) == (
        "screenconnect",
        (INSTANCE,),
        ("relay.acme.example",),
    )


def test_what_is_no_key_has_no_instance() -> None:
    assert screenconnect_instance("not base64!") is None
    assert screenconnect_instance("YWJj!!") is None
    assert screenconnect_instance("") is None


@pytest.mark.parametrize(
    ("text", "tool", "ids", "hosts"),
    [
        (
            "https://x.servicedesk.atera.com/GetAgent/Msi/?customerId=4&integratorLogin=it%40acme.example",
            "atera",
            ("it@acme.example",),
            (),
        ),
        (
            "tacticalagent.exe --api https://api.acme.example --client-id 1 --auth S3CRETVALUE",
            "tacticalrmm",
            (),
            ("api.acme.example",),
        ),
        (
            "MeshName=Acme\r\nMeshID=0xAB12\r\nMeshServer=wss://mesh.acme.example:443/agent.ashx",
            "meshcentral",
            ("0xab12",),
            ("mesh.acme.example",),
        ),
        (
            "msiexec /i Agent.msi SERVERADDRESS=https://rmm.acme.example SERVERPASS=S3CRETVALUE",
            "cw_automate",
            (),
            ("rmm.acme.example",),
        ),
        (
            "setup.exe /s CUSTOMERID=101 SERVERADDRESS=nc.acme.example TOKEN=S3CRETVALUE",
            "ncentral",
            (),
            ("nc.acme.example",),
        ),
        (r"\\dc\netlogon\action1_agent(Acme).msi", "action1", ("acme",), ()),
        ("https://acme.syncromsp.com/dl/rs/abc", "syncro", ("acme",), ()),
    ],
)
def test_other_installers(
    text: str, tool: str, ids: tuple[str, ...], hosts: tuple[str, ...]
) -> None:
    (one,) = installers(text)
    assert (one.tool, one.ids, one.hosts) == (tool, ids, hosts)
    assert "s3cretvalue" not in str(one).lower()


@pytest.mark.parametrize(
    "text", ["", "https://acme.example/?h=a&p=1", "notepad.exe /k=1", "7z x a"]
)
def test_ordinary_texts_install_nothing(text: str) -> None:
    assert installers(text) == ()


@given(st.text(max_size=300) | st.text("?&kh=-./ :%\"' customerid", max_size=600))
def test_no_text_makes_it_fail(text: str) -> None:
    installers(text)
    screenconnect_instance(text)
