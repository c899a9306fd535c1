"""Nothing in the demo is canned: a service ended before it looks is missing from what it writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from agent.commands.demo import audit_lab
from fixtures.lab import Lab

pytestmark = pytest.mark.xdist_group("loopback2")
PORT = 23


def services(folder: Path) -> set[tuple[str, str, int]]:
    """(site, host, port) of every open service in the demo's inventory.json."""
    document: dict[str, Any] = json.loads((folder / "inventory.json").read_text("ascii"))
    return {
        (s["at"]["ns"], s["at"]["value"].split("/")[0], s["port"])
        for s in document["result"]["services"]
        if s["state"] == "open"
    }


def test_a_service_that_was_ended_is_not_reported(tmp_path: Path) -> None:
    ended: list[tuple[str, int]] = []

    def end_telnet(lab: Lab) -> None:
        for site in lab.truth().sites:
            for host in site.hosts:
                if PORT in {p.real_port for p in host.tcp} and host.addrs:
                    lab.stop_service(host.id, PORT)
                    ended.extend((address, PORT) for address in host.addrs)

    out = tmp_path / "out"
    assert audit_lab(out, ("en", "fr"), before=end_telnet) == 0

    assert ended, "the lab has no telnet to end"
    seen = services(out)
    assert len(seen) > 100 and {ns for ns, _, _ in seen} == {"site/siege", "site/depot"}
    assert not {(host, port) for _, host, port in seen} & set(ended)
    rows = list(csv.reader((out / "findings.csv").read_text("utf-8-sig").splitlines()))
    rules = {row[1] for row in rows[1:]}
    assert "telnet-open" not in rules
    assert {"certificate-expired", "vnc-open", "remote-access-port"} <= rules
    english = (out / "report-en-technician.html").read_text("utf-8")
    french = (out / "report.html").read_text("utf-8")
    assert '<html lang="en"' in english and '<html lang="fr"' in french
    assert "Laboratoire Martin" in english and "Laboratoire Martin" in french
