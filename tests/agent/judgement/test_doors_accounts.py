"""Accounts of a directory in the who-can-get-in matrix: by what they may, and whose their own fields say they are."""

from __future__ import annotations

import pytest

from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.model.judged import Door
from tests.agent.inventory.directory.tables import HEAD, group, members, table, told, user


def doors(*users: dict[str, object], admin: int = 0) -> dict[tuple[str, str], Door]:
    material = told(
        HEAD,
        table("users", users),
        table("groups", [group(512, "Admins du domaine"), group(513, "Utilisateurs")]),
        table("members", members((512, admin)) if admin else members((513, 1))),
    )
    found = judge(material, build(material)).doors
    return {(d.door, d.party.provider or d.party.owner): d for d in found}


HIS = {"mail": "support@oldmsp.example"}


def test_his_account_that_rules_the_domain_is_a_way_to_administrator() -> None:
    found = doors(user(1100, "support", **HIS), admin=1100)
    door = found["directory_admin", "former-oldmsp"]
    assert door.state == "observed" and len(door.evidence) >= 2
    assert found["directory_account", "former-oldmsp"].state == "observed"


def test_an_ordinary_account_of_his_is_no_administrator() -> None:
    found = doors(user(1100, "support", **HIS), user(1101, "anne"), admin=1101)
    assert found["directory_admin", "former-oldmsp"].state == "not_examined"
    assert found["directory_account", "former-oldmsp"].state == "observed"


def test_a_name_is_a_suspicion() -> None:
    found = doors(user(1100, "x", description="compte Old MSP"), admin=1100)
    assert found["directory_admin", "former-oldmsp"].state == "suspected"


@pytest.mark.parametrize(("uac", "state"), [(512, "suspected"), (514, "not_examined")])
def test_dial_in_that_a_policy_may_refuse(uac: int, state: str) -> None:
    found = doors(user(1100, "support", **HIS, uac=uac, dial_in=1))
    assert found["dial_in", "former-oldmsp"].state == state
