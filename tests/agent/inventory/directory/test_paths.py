"""Ways to what rules a domain: the shortest, through groups, policies and units; nobody's way is none, and unread rights are counted."""

from __future__ import annotations

import pytest

from agent.inventory.directory.domain import domains
from agent.inventory.directory.paths import paths
from agent.model.bodies_directory import DirectoryTable
from agent.model.directory import DirectoryPath
from tests.agent.inventory.directory.tables import HEAD, SID, group, members, table, told, user

ALL, CONTROL, WRITE, DAC = 0x10000000, 0x100, 0x20, 0x40000
MEMBER = "bf9679c0-0de6-11d0-a285-00aa003049e2"
RESET = "00299570-246d-11d0-a768-00aa006e0529"
SPN = "f3a64788-5306-11d1-a9c5-0000f80367c1"
COPY = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2"


def sid(rid: int | str) -> str:
    return rid if isinstance(rid, str) else f"{SID}-{rid}"


def rights(*entries: tuple[str, int | str, int, str]) -> list[DirectoryTable]:
    """(mark, holder, mask, what); the owner of all is Domain Admins."""
    marks = sorted({m for m, *_ in entries})
    return [
        table(
            "descriptors",
            [{"sd": m, "owner": sid(512), "open": 0, "odd": 0} for m in marks],
        ),
        table(
            "aces",
            [
                {"sd": m, "sid": sid(s), "mask": mask, "what": what, "kind": "allow", "flags": 0}
                for m, s, mask, what in entries
            ],
        ),
    ]


PEOPLE = table(
    "users",
    [
        user(500, "Administrator", dn="CN=Administrator,CN=Users,DC=labo,DC=test", sd="admin"),
        user(1100, "hotline", dn="CN=hotline,OU=Support,DC=labo,DC=test", sd="desk"),
        user(1101, "anne", dn="CN=anne,OU=Staff,DC=labo,DC=test", sd="plain"),
        user(1102, "parti", uac=514, dn="CN=parti,OU=Staff,DC=labo,DC=test"),
    ],
)
GROUPS = table(
    "groups",
    [
        {**group(512, "Domain Admins"), "sd": "admins"},
        {**group(1200, "Desk"), "sd": "group"},
        {**group(1300, "Empty"), "sd": "group"},
    ],
)
ADMIN = members((512, 500), (1200, 1100), (1200, 1102))
DC = table(
    "computers",
    [
        {
            **user(1000, "DC1$", uac=532480, primary_group=516),
            "dn": "CN=DC1,OU=Domain Controllers,DC=labo,DC=test",
            "sd": "dc",
        }
    ],
)


def found(*tables: DirectoryTable) -> tuple[dict[str, DirectoryPath], int]:
    material = told(HEAD, PEOPLE, GROUPS, DC, table("members", ADMIN), *tables)
    (domain,) = domains(o for _, o in material.observations)
    ways, unread = paths(domain, material.providers)
    return {w.name: w for w in ways}, unread


def said(way: DirectoryPath) -> list[tuple[str, str]]:
    return [(s.kind, s.to) for s in way.steps]


def test_a_right_on_an_administrator_is_one_step() -> None:
    ways, _ = found(*rights(("admin", 1200, CONTROL, RESET)))
    assert said(ways["Desk"]) == [("password", "Administrator")]
    assert ways["Desk"].accounts == 1, "the one who is switched off does not count"
    assert set(ways) == {"Desk"}, "members go by their group"


def test_through_a_group_and_a_user() -> None:
    ways, _ = found(*rights(("admins", 1100, WRITE, MEMBER), ("desk", 1101, DAC, "")))
    assert said(ways["anne"]) == [("rights", "hotline"), ("members", "Domain Admins")]
    assert said(ways["hotline"]) == [("members", "Domain Admins")]


def test_a_group_that_gives_a_way_is_itself_a_step() -> None:
    ways, _ = found(*rights(("admin", 1200, ALL, ""), ("group", 1101, WRITE, MEMBER)))
    assert said(ways["anne"]) == [("members", "Desk"), ("all", "Administrator")]


def test_a_policy_that_applies_to_a_controller() -> None:
    link = "[LDAP://CN={6AC1786C-016F-11D2-945F-00C04FB984F9},CN=Policies,CN=System,DC=labo,DC=test;%d]"
    dn = "CN={6AC1786C-016F-11D2-945F-00C04FB984F9},CN=Policies,CN=System,DC=labo,DC=test"
    policy = table("policies", [{"dn": dn, "name": "{6AC1}", "display": "DC policy", "sd": "gpo"}])
    held = rights(("gpo", 1101, WRITE, ""))
    unit = "OU=Domain Controllers,DC=labo,DC=test"
    for option, wanted in ((0, True), (2, True), (1, False), (3, False)):
        units = table("units", [{"dn": unit, "name": "DCs", "links": link % option, "sd": "unit"}])
        ways, _ = found(policy, units, *held)
        assert ("anne" in ways) is wanted
    units = table("units", [{"dn": unit, "name": "DCs", "links": link % 0, "sd": "unit"}])
    ways, _ = found(policy, units, *held)
    assert said(ways["anne"]) == [("all", "DC policy"), ("applies", "DC1$")]


def test_a_unit_that_holds_a_controller() -> None:
    units = table(
        "units",
        [
            {"dn": "OU=Domain Controllers,DC=labo,DC=test", "name": "DCs", "sd": "unit"},
            {"dn": "OU=Staff,DC=labo,DC=test", "name": "Staff", "sd": "unit"},
        ],
    )
    ways, _ = found(units, *rights(("unit", 1101, ALL, "")))
    assert said(ways["anne"]) == [("all", "DCs"), ("holds", "DC1$")]


@pytest.mark.parametrize(
    ("what", "mask", "wanted"),
    [
        (COPY, CONTROL, "secrets"),
        ("", DAC, "rights"),
        (RESET, CONTROL, None),
        (SPN, WRITE, None),
        ("", 0x10, None),
    ],
)
def test_rights_on_the_domain_itself(what: str, mask: int, wanted: str | None) -> None:
    head = table(
        "policy",
        [{"dn": "DC=labo,DC=test", "sid": SID, "sd": "head", "machine_quota": 0, "min_length": 14}],
    )
    ways, _ = found(head, *rights(("head", 1101, mask, what)))
    assert [s.kind for w in ways.values() for s in w.steps] == ([wanted] if wanted else [])


def test_everybody_comes_first_and_nobody_is_no_start() -> None:
    ways, _ = found(*rights(("admin", "S-1-5-11", ALL, ""), ("admins", 1300, ALL, "")))
    assert list(ways) == ["S-1-5-11"]
    assert ways["S-1-5-11"].accounts is None


def test_one_who_owns_it_and_one_with_a_history() -> None:
    owned = table("descriptors", [{"sd": "admin", "owner": sid(1101), "open": 0, "odd": 0}])
    past = table("sid_history", [{"key": sid(1100), "value": sid(512)}])
    ways, _ = found(owned, past)
    assert said(ways["anne"]) == [("owns", "Administrator")]
    assert said(ways["hotline"]) == [("history", "Domain Admins")]


def test_operators_have_the_controllers() -> None:
    more = table("members", [*ADMIN, {"group": "S-1-5-32-551", "member": sid(1101)}])
    backup = table(
        "groups", [{**group(512, "DA")}, {**group(1, "Backup Operators"), "sid": "S-1-5-32-551"}]
    )
    ways, _ = found(backup, more)
    assert said(ways["Backup Operators"]) == [("operates", "DC1$")]


def test_rights_that_were_not_told_are_counted() -> None:
    _, unread = found()
    assert unread >= 3, "Administrator, Domain Admins, DC1$ and the domain"
    _, fewer = found(
        *rights(("admin", 512, ALL, ""), ("admins", 512, ALL, ""), ("dc", 512, ALL, ""))
    )
    assert fewer < unread


def test_circles_end() -> None:
    ways, _ = found(
        *rights(("desk", 1101, ALL, ""), ("plain", 1100, ALL, ""), ("admin", 1100, ALL, ""))
    )
    assert len(ways["anne"].steps) == 2 and len(ways["hotline"].steps) == 1
