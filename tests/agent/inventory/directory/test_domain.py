"""Who is in a group: nested, in circles, a hundred deep, by primary group, from elsewhere; and newer looks replace older ones."""

from __future__ import annotations

import pytest

from agent.inventory.directory.accounts import accounts
from agent.inventory.directory.domain import Domain, domains
from agent.model.account import Account
from agent.model.bodies_directory import DIAL_IN, RESTRICTIONS, DirectoryTable
from agent.model.ref import Ref
from tests.agent.inventory.directory.tables import (
    ALL,
    HEAD,
    NAME,
    SID,
    group,
    members,
    table,
    told,
    user,
)


def domain(*tables: DirectoryTable) -> Domain:
    (one,) = domains(o for _, o in told(*tables).observations)
    return one


def by_name(*tables: DirectoryTable, asked: bool = True) -> dict[str, Account]:
    found = accounts(told(*tables, asked=asked))
    return {a.name: a for a in found}


USERS = table("users", [user(1100, "anne"), user(1101, "bob"), user(1102, "chloe")])


def test_nested_with_the_way() -> None:
    d = domain(
        HEAD,
        USERS,
        table("groups", [group(512, "Admins du domaine"), group(1200, "A"), group(1201, "B")]),
        table("members", members((512, 1200), (1200, 1201), (1201, 1100), (512, 1101))),
    )
    assert d.admins[f"{SID}-1100"].path == (f"{SID}-512", f"{SID}-1200", f"{SID}-1201")
    assert d.admins[f"{SID}-1101"].path == (f"{SID}-512",)
    assert set(d.admins) == {f"{SID}-1100", f"{SID}-1101"}
    assert d.admins[f"{SID}-1100"].evidence


def test_a_circle_ends() -> None:
    d = domain(
        HEAD,
        USERS,
        table("groups", [group(512, "DA"), group(1200, "A"), group(1201, "B")]),
        table(
            "members", members((512, 1200), (1200, 1201), (1201, 1200), (1201, 512), (1201, 1100))
        ),
    )
    assert set(d.admins) == {f"{SID}-1100"}


def test_a_hundred_deep() -> None:
    chain = [group(512, "DA"), *(group(2000 + i, f"G{i}") for i in range(100))]
    links = [(512, 2000), *((2000 + i, 2001 + i) for i in range(99)), (2099, 1100)]
    d = domain(HEAD, USERS, table("groups", chain), table("members", members(*links)))
    assert len(d.admins[f"{SID}-1100"].path) == 101


def test_a_primary_group_is_a_hidden_membership() -> None:
    d = domain(
        HEAD,
        table("users", [user(1100, "anne", primary_group=512)]),
        table("groups", [group(512, "DA")]),
        table("members", []),
    )
    assert d.admins[f"{SID}-1100"].hidden


def test_a_foreign_principal_and_the_builtin_group() -> None:
    other = "S-1-5-21-9-9-9-500"
    builtin = {"sid": "S-1-5-32-544", "dn": "CN=Administratoren", "login": "Administratoren"}
    d = domain(
        HEAD,
        table("groups", [builtin]),
        table("foreign", [{"sid": other, "dn": f"CN={other}", "name": other}]),
        table("members", [{"group": "S-1-5-32-544", "member": other}]),
    )
    assert set(d.admins) == {other}
    assert d.named(other) == other


def test_a_shorter_later_look_leaves_nothing_of_the_longer() -> None:
    old = [
        table("users", [user(1100, "anne")], part=0, last=False),
        table("users", [user(1101, "bob")], part=1),
    ]
    d = domain(HEAD, *old, table("users", [user(1102, "chloe")]))
    assert [u.login for u in d.users] == ["chloe"]


def test_a_later_look_that_was_cut_off_takes_no_part_of_an_earlier_one() -> None:
    old = [
        table("users", [user(1100, "anne")], part=0, last=False),
        table("users", [user(1101, "bob")], part=1),
    ]
    d = domain(HEAD, *old, table("users", [user(1102, "chloe")], part=0, last=False))
    assert [u.login for u in d.users] == ["chloe"]
    assert not d.table("users").whole


def test_what_could_not_be_read_is_neither_yes_nor_no() -> None:
    rows = [user(1100, "anne"), user(1101, "bob", readable=0, uac=None), user(1102, "c", dial_in=1)]
    anne, bob, chloe = domain(HEAD, table("users", rows)).users
    assert (anne.dial_in, bob.dial_in, chloe.dial_in) == (False, None, True)
    assert (anne.last_logon, bob.last_logon, bob.enabled) == (0, None, None)


def test_parts_are_put_together_and_a_cut_table_is_not_whole() -> None:
    d = domain(
        table("users", [user(1100, "anne")], part=0, last=False),
        table("users", [user(1101, "bob")], part=1),
        table("groups", [], end="cut short"),
    )
    assert [u.login for u in d.users] == ["anne", "bob"]
    assert d.table("users").whole
    assert not d.table("groups").whole
    assert not d.table("computers").whole


def test_accounts_have_their_ways_in() -> None:
    tables = (
        HEAD,
        table(
            "users",
            [
                user(1100, "anne", mail="anne@client.example", dial_in=1, last_logon=0),
                user(1101, "svc-veeam", dial_in=0),
                user(500, "Administrateur"),
                user(1103, "secret", uac=None, readable=ALL & ~(DIAL_IN | RESTRICTIONS)),
            ],
        ),
        table("groups", [group(512, "DA")]),
        table("members", members((512, 1100), (512, 500))),
    )
    found = by_name(*tables)
    anne = found["anne"]
    assert [(g.door, g.verdict) for g in anne.grants] == [
        ("directory_admin", "yes"),
        ("dial_in", "conditional"),
    ]
    assert anne.member_of == ((Ref(kind="sid", ns="", value=f"{SID}-512"),),)
    assert (anne.nature.value, anne.enabled.value, anne.last_logon.state) == (
        "person",
        True,
        "absent",
    )
    assert [g.verdict for g in found["svc-veeam"].grants] == ["no", "no"]
    assert found["svc-veeam"].nature.value == "service"
    assert found["Administrateur"].nature.value == "builtin"
    secret = found["secret"]
    assert (secret.enabled.state, secret.grants[1].verdict) == ("unreadable", "unknown")


def test_nobody_is_cleared_where_nobody_answered() -> None:
    tables = (HEAD, USERS, table("groups", [group(512, "DA")]), table("members", []))
    assert by_name(*tables)["anne"].grants[0].verdict == "no"
    assert {g.verdict for g in by_name(*tables, asked=False)["anne"].grants} == {"unknown"}


@pytest.mark.parametrize(
    ("fields", "owner", "suspected"),
    [
        ({"mail": "k@oldmsp.example"}, "former", ()),
        ({"description": "OldMSP Services, astreinte"}, "unknown", ("former-oldmsp",)),
        ({"mail": "k@client.example"}, "unknown", ()),
    ],
)
def test_whose_it_is(fields: dict[str, str], owner: str, suspected: tuple[str, ...]) -> None:
    (found,) = by_name(HEAD, table("users", [user(1100, "k", **fields)])).values()
    assert (found.owner.owner, found.owner.suspected) == (owner, suspected)
    assert found.realm.value == NAME
