"""The collector against a real domain: what it stores, what it says of what it may not read, and that nothing secret comes along."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from agent.contract import Refused
from agent.model.bodies_directory import DIAL_IN, RESTRICTIONS, DirectoryAccess, DirectoryTable
from collectors.directory import collect
from collectors.directory.probe import Directory
from fixtures.directory.controller import ADMIN_PASSWORD, Controller
from fixtures.directory.seeded import PASSWORD, READER, Ldif
from tests.agent.net.peers import Books, run_unit
from tests.collectors.directory.conftest import address
from tests.collectors.directory.entering import DomainBook, at, reader

pytestmark = [pytest.mark.root, pytest.mark.needs("samba", "ldbadd", "unshare", "openssl")]
Row = dict[str, int | str | None]


def collected(controller: Controller, book: DomainBook | None = None) -> Books:
    ctx = at(controller, book or reader(controller))
    return asyncio.run(run_unit(Directory(), ctx))


def rows(books: Books, table: str) -> list[Row]:
    tables = [b for _, b in books.bodies if isinstance(b, DirectoryTable) and b.table == table]
    assert [t.part for t in tables] == list(range(len(tables)))
    assert [t.last for t in tables] == [False] * (len(tables) - 1) + [True]
    return [dict(r) for t in tables for r in t.records()]


def logins(books: Books, table: str = "users") -> dict[str, Row]:
    return {str(r["login"]): r for r in rows(books, table)}


def test_an_ordinary_user_reads_the_domain(domain: Controller) -> None:
    books = collected(domain)
    users = logins(books)
    assert sum(str(r["mail"]).endswith("@labo.example") for r in users.values()) == 200
    assert {n for n, r in users.items() if r["dial_in"]} == {"benoit.faure", "kroux"}
    assert all(int(r["readable"] or 0) & (DIAL_IN | RESTRICTIONS) for r in users.values())
    assert users["amelie.bertrand"]["display"] == "Amélie Bertrand"
    (head,) = rows(books, "policy")
    assert (head["sid"], head["machine_quota"], head["min_length"]) == (domain.sid, 10, 7)
    assert {r["value"] for r in rows(books, "sid_history")} == {"S-1-5-21-9-9-9-512"}
    kroux = users["kroux"]["sid"]
    groups = {r["sid"]: r["login"] for r in rows(books, "groups")}
    assert [groups[r["group"]] for r in rows(books, "members") if r["member"] == kroux] == [
        "G-Support"
    ]
    (access,) = [b for _, b in books.bodies if isinstance(b, DirectoryAccess)]
    assert (access.outcome, access.how, access.controller) == ("bound", "ldaps", domain.host)
    assert not books.caps
    told = {kind: outcome for kind, _, outcome in books.asks}
    # Only an administrator is shown whether there are any.
    assert "directory.clear_passwords" not in told
    assert set(told.values()) == {"answered"}
    assert set(told) | {"directory.clear_passwords"} == set(Directory().asks)


def test_an_administrator_is_shown_that_passwords_stand_there_and_not_which(
    domain: Controller,
) -> None:
    books = collected(domain, reader(domain, "Administrator", ADMIN_PASSWORD))
    users = {r["sid"]: r["login"] for r in rows(books, "users")}
    assert [users[r["sid"]] for r in rows(books, "clear_passwords")] == ["pauline.clement"]
    said = " ".join(b.model_dump_json() for _, b in books.bodies)
    assert "clair" not in said
    assert PASSWORD not in said
    assert ADMIN_PASSWORD not in said


def test_a_wrong_password_is_one_try_and_says_so(domain: Controller) -> None:
    book = reader(domain, secret="faux")

    async def act() -> Books:
        ctx, books = at(domain, book), Books()
        (unit,) = Directory().plan(ctx)
        with pytest.raises(Refused, match="user name or password is wrong"):
            await Directory().run(unit, ctx, books)
        return books

    books = asyncio.run(act())
    assert book.ends == [f"refused {domain.dns}"]
    assert [b.outcome for _, b in books.bodies if isinstance(b, DirectoryAccess)] == [
        "wrong_password"
    ]
    assert [o for _, _, o in books.asks] == ["refused"]


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Generator[Controller]:
    """A domain in which Pre-Windows 2000 Compatible Access is empty, and a group of more than 1,500."""
    folder = tmp_path_factory.mktemp("b")
    one = Controller(folder / "b", address(folder, "b"), "sourd.test", "SOURD")
    one.provision()
    ldif = Ldif(one.base, one.dns)
    ldif.user(READER, "CN=Users", unicodePwd=PASSWORD)
    ldif.user("vpn", "CN=Users", unicodePwd=PASSWORD, msNPAllowDialin="TRUE")
    crowd = [ldif.add(f"CN=x{i},CN=Users", "contact", {"description": "x"}) for i in range(1700)]
    ldif.add("CN=G-Tous,CN=Users", "group", {"sAMAccountName": "G-Tous", "member": crowd})
    one.load(ldif.additions())
    old = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{one.base}"
    ldif.change("CN=Pre-Windows 2000 Compatible Access,CN=Builtin", "delete", "member", old)
    one.load(ldif.changes(), "ldbmodify")
    one.start()
    try:
        yield one
    finally:
        one.stop()


def test_what_may_not_be_read_is_not_taken_for_none(blind: Controller) -> None:
    books = collected(blind)
    vpn = logins(books)["vpn"]
    assert vpn["dial_in"] is None
    assert not int(vpn["readable"] or 0) & DIAL_IN
    assert logins(books)[READER]["uac"] is not None
    admin = logins(collected(blind, reader(blind, "Administrator", ADMIN_PASSWORD)))["vpn"]
    assert admin["dial_in"] == 1
    assert int(admin["readable"] or 0) & DIAL_IN


@pytest.mark.parametrize("first", ["member", "member;range=0-499"])
def test_a_group_of_more_members_than_one_answer_holds(
    blind: Controller, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Active Directory cuts at 1,500 by itself; Samba only where it is asked to."""
    monkeypatch.setattr(collect, "MEMBER", first)
    books = collected(blind, reader(blind, "Administrator", ADMIN_PASSWORD))
    group = logins(books, "groups")["G-Tous"]["sid"]
    members = [r["member"] for r in rows(books, "members") if r["group"] == group]
    assert len(members) == len(set(members)) == 1700
