"""Entering a real domain: the password travels only to a verified controller, once, and each refusal says why."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import replace

import pytest

from agent.contract import Refused, Trust
from collectors.directory import access
from collectors.directory.access import Miss, Session, enter, meaning
from collectors.directory.client import Result
from collectors.directory.messages import present
from fixtures.directory.controller import ADMIN_PASSWORD, Controller
from fixtures.directory.seeded import DISABLED, EXPIRED, MUST_CHANGE, PASSWORD
from tests.agent.net.peers import Books
from tests.collectors.directory.entering import DomainBook, at, reader


def tried(controller: Controller, book: DomainBook, name: str = "") -> Session | Miss:
    async def main() -> Session | Miss:
        ctx = at(controller, book)
        host = name or controller.host
        got = await enter(ctx, Books(), controller.address, host, controller.dns, "ad")
        if isinstance(got, Session):
            found = [
                e async for e in got.ldap.search("", 0, present("objectClass"), ["dnsHostName"])
            ]
            assert found[0].attributes["dnsHostName"] == [controller.host.encode()]
            await got.ldap.close()
        return got

    return asyncio.run(main())


@pytest.mark.root
@pytest.mark.needs("samba", "ldbadd", "unshare", "openssl")
class TestLab:
    def test_an_ordinary_user_enters(self, domain: Controller) -> None:
        book = reader(domain)
        got = tried(domain, book)
        assert isinstance(got, Session)
        assert got.how == "ldaps"
        assert book.ends == [f"accepted {domain.dns}"]

    def test_starttls_where_there_is_no_ldaps(
        self, domain: Controller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(access, "LDAPS", 1)
        got = tried(domain, reader(domain))
        assert isinstance(got, Session)
        assert got.how == "starttls"

    def test_by_fingerprint(self, domain: Controller) -> None:
        der = ssl.PEM_cert_to_DER_cert(domain.authority.read_text("ascii"))
        right = Trust(pin=hashlib.sha256(der).hexdigest())
        assert isinstance(tried(domain, replace(reader(domain), trust=right)), Session)
        wrong = replace(reader(domain), trust=Trust(pin="0" * 64))
        assert getattr(tried(domain, wrong), "outcome", "") == "certificate"
        assert wrong.ends == []

    @pytest.mark.parametrize(
        ("user", "secret", "outcome"),
        [
            ("audit.lecture", "falsch", "wrong_password"),
            ("personne", PASSWORD, "wrong_password"),
            (DISABLED, PASSWORD, "disabled"),
            (EXPIRED, PASSWORD, "account_expired"),
            (MUST_CHANGE, PASSWORD, "must_change"),
        ],
    )
    def test_refusals(self, domain: Controller, user: str, secret: str, outcome: str) -> None:
        book = reader(domain, user, secret)
        got = tried(domain, book)
        assert isinstance(got, Miss)
        assert got.outcome == outcome
        assert book.ends == [f"refused {domain.dns}"]
        with pytest.raises(Refused):
            tried(domain, book)
        assert len(book.ends) == 1

    def test_nothing_is_sent_to_whom_is_not_verified(self, domain: Controller) -> None:
        unknown = replace(reader(domain), trust=Trust())
        assert getattr(tried(domain, unknown), "outcome", "") == "certificate"
        other = reader(domain)
        assert getattr(tried(domain, other, "dc2.labo.test"), "outcome", "") == "certificate"
        assert unknown.ends == other.ends == []

    def test_an_empty_password_is_no_log_in(self, domain: Controller) -> None:
        book = reader(domain, secret="")
        assert isinstance(tried(domain, book), Miss)
        assert book.ends == []

    def test_nobody_there(self, domain: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(access, "LDAPS", 1)
        monkeypatch.setattr(access, "LDAP", 2)
        book = reader(domain, "Administrator", ADMIN_PASSWORD)
        assert tried(domain, book) == Miss("unreachable")
        assert book.ends == []


@pytest.mark.parametrize(
    ("code", "words", "outcome"),
    [
        (49, "80090308: LdapErr: DSID-0C09044E, comment: ..., data 52e, v2580", "wrong_password"),
        (49, "80090308: LdapErr: DSID-0C09044E, data 532, v2580", "password_expired"),
        (49, "data 533, v", "disabled"),
        (49, "data 701, v", "account_expired"),
        (49, "data 773, v", "must_change"),
        (49, "data 775, v", "locked"),
        (49, "80090346: LdapErr: DSID-0C090587, data 80090346, v4563", "channel_binding"),
        (49, "", "wrong_password"),
        (8, "BindSimple: Transport encryption required.", "strong_auth"),
        (53, "unwilling", "refused"),
    ],
)
def test_each_code_is_told_apart(code: int, words: str, outcome: str) -> None:
    got = meaning(Result(code, words))
    assert got is not None
    assert got.outcome == outcome


def test_success_is_no_miss() -> None:
    assert meaning(Result(0, "")) is None
