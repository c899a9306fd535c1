"""What msp.toml says of us is what attribution knows us by: tenants by id, and those that our installer links name."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from agent.engagement.providers import providers
from tests.agent.engagement.sample import CLIENT, engagement

KEY = base64.b64encode(b"\x06\x02\x00\x00\x00\xa4\x00\x00RSA1" + bytes(range(64))).decode()


def test_an_installer_link_of_ours_names_our_instance(tmp_path: Path) -> None:
    link = f"https://instance.screenconnect.com/Bin/x.msi?h=relay.screenconnect.com&p=443&k={KEY}"
    msp = f'name = "Notre MSP"\nids = {{ syncro = ["notre"] }}\ninstallers = ["{link}"]\n'
    ours = next(p for p in providers(engagement(tmp_path, CLIENT, msp)) if p.role == "ours")
    instance = hashlib.md5(base64.b64decode(KEY), usedforsecurity=False).hexdigest()[-16:]
    assert ours.ids == {"syncro": ("notre",), "screenconnect": (instance,)}
    # The relay is the maker's cloud: it is no sign of us.
    assert not any("screenconnect" in d for d in ours.domains)
