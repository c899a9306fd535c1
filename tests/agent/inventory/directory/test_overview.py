"""A domain for the report: ways by the names people use, what could not be read as such, and who stands in no table."""

from __future__ import annotations

from agent.inventory.build import build
from agent.inventory.directory.overview import overview
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.directory import DirectoryDomain
from tests.agent.inventory.directory.tables import HEAD, SID, group, members, table, told, user


def of(material: Material) -> DirectoryDomain:
    (one,) = overview((o for _, o in material.observations), material.providers)
    return one


def test_administrators_by_the_way_a_person_would_read() -> None:
    one = of(
        told(
            HEAD,
            table(
                "users",
                [
                    user(500, "Administrateur"),
                    user(1100, "anne", last_logon=7, password_set=5),
                    user(1101, "caché", primary_group=512),
                    user(1102, "parti", uac=514),
                    user(1103, "personne"),
                ],
            ),
            table("groups", [group(512, "Admins du domaine"), group(1200, "Bureau")]),
            table(
                "members", members((512, 1200), (1200, 1100), (512, 1102), (512, 4711), (512, 500))
            ),
        )
    )
    told_ = {a.name: (a.way, a.hidden, a.enabled) for a in one.admins}
    assert told_ == {
        "Administrateur": (("Admins du domaine",), False, True),
        "anne": (("Admins du domaine", "Bureau"), False, True),
        "caché": (("Admins du domaine",), True, True),
        "parti": (("Admins du domaine",), False, False),
        f"{SID}-4711": ((f"{SID}-512",), False, None),
    }
    anne = next(a for a in one.admins if a.name == "anne")
    assert (anne.last_logon, anne.password_set) == (7, 5) and anne.evidence
    assert set(one.unread) == {"computers", "foreign"}


def test_dial_in_that_could_not_be_read_is_counted_and_no_denial() -> None:
    one = of(
        told(
            HEAD,
            table(
                "users",
                [
                    user(1100, "allowed", dial_in=1),
                    user(1101, "denied", dial_in=0),
                    user(1102, "policy"),
                    user(1103, "dark", readable=0),
                ],
            ),
        )
    )
    assert [a.name for a in one.dial_in] == ["allowed"]
    assert (one.dial_in_open, one.dial_in_unread) == (2, 1)


def test_programs_accounts_policy_and_packages() -> None:
    one = of(
        told(
            HEAD,
            table("users", [user(1100, "sql"), user(502, "krbtgt")]),
            table(
                "spns",
                [
                    {"key": f"{SID}-1100", "value": "MSSQLSvc/erp:1433"},
                    {"key": f"{SID}-502", "value": "kadmin/changepw"},
                ],
            ),
            table("packages", [{"name": "{1}", "display": "Agent", "file": "0:\\\\x\\a.msi"}]),
        )
    )
    assert [(a.name, a.spns) for a in one.services] == [("sql", ("MSSQLSvc/erp:1433",))]
    assert one.policy is not None
    assert (one.policy.min_length, one.policy.machine_quota, one.policy.lockout) == (14, 0, None)
    assert one.packages == (("Agent", "0:\\\\x\\a.msi"),)


def test_a_domain_of_which_only_users_were_told() -> None:
    one = of(told(table("users", [user(1100, "anne")])))
    assert one.policy is None and one.admins == () and "policy" in one.unread


def test_administrators_are_counted_only_where_all_was_read() -> None:
    tables = [
        HEAD,
        table("users", [user(500, "Administrator"), user(1102, "gone", uac=514)]),
        table("groups", [group(512, "Domain Admins")]),
        table("members", members((512, 500), (512, 1102))),
        table("foreign", []),
    ]
    for more, expected in (([], None), ([table("computers", [])], 1)):
        material = told(*tables, *more)
        assert judge(material, build(material)).page_one.administrators == expected


def rights(*cells: object) -> DirectoryDomain:
    """A domain whose head and AdminSDHolder share one descriptor of those *cells*."""
    names = ("sd", "owner", "protected", "open", "odd")
    return of(
        told(
            table("policy", [{"dn": "DC=labo", "sid": SID, "sd": "aa"}]),
            table("holder", [{"dn": "CN=AdminSDHolder", "sd": "aa"}]),
            table("descriptors", [dict(zip(names, cells, strict=False))]),
            table("aces", []),
        )
    )


def test_rights_nobody_told_or_understood_are_said_to_be_unread() -> None:
    assert not rights("aa", f"{SID}-512", 1, 0, 0).rights_unread
    assert rights("bb", f"{SID}-512", 1, 0, 0).rights_unread, "of another object"
    assert rights("aa", None, None, None, None).rights_unread, "could not be parsed"
    assert rights("aa", f"{SID}-512", 1, 0, 2).rights_unread, "entries of kinds not known"
    assert of(told(HEAD)).rights_unread
