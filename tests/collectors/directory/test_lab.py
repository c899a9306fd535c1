"""The lab itself: what was planted is there, and the control domain has none of it."""

from __future__ import annotations

import subprocess

import pytest

from fixtures.directory.controller import Controller

pytestmark = [pytest.mark.root, pytest.mark.needs("samba", "ldbsearch", "unshare", "openssl")]


def found(controller: Controller, query: str) -> list[str]:
    database = str(controller.folder / "private/sam.ldb")
    done = subprocess.run(
        ["ldbsearch", "-H", database, query, "sAMAccountName"],
        capture_output=True,
        check=True,
        text=True,
    )
    return sorted(
        line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("sAMAcc")
    )


def test_what_was_planted_is_there(domain: Controller) -> None:
    assert found(domain, "(msNPAllowDialin=TRUE)") == ["benoit.faure", "kroux"]
    assert found(domain, "(&(objectClass=user)(primaryGroupID=512))") == ["theo.smith"]
    assert found(domain, "(sIDHistory=*)") == ["damien.bertrand"]
    assert len(found(domain, "(&(objectCategory=person)(mail=*@labo.example))")) == 200


def test_the_control_domain_has_none(control: Controller) -> None:
    assert found(control, "(|(msNPAllowDialin=*)(sIDHistory=*)(adminCount=1)(mail=*infosud*))") == [
        *("Account Operators", "Administrator", "Administrators", "Backup Operators"),
        *("Domain Admins", "Domain Controllers", "Enterprise Admins", "Print Operators"),
        *("Read-only Domain Controllers", "Replicator", "Schema Admins", "Server Operators"),
        "krbtgt",
    ]
