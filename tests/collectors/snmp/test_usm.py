"""Keys and messages of SNMPv3 beside RFC 3414's own samples and pysnmp; sessions beside a real net-snmp agent."""

from __future__ import annotations

import random
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.context import RunContext
from collectors.snmp import usm
from collectors.snmp.ber import BerError
from collectors.snmp.client import Budget, get, walk
from collectors.snmp.message import question
from collectors.snmp.rounds import SCALARS
from collectors.snmp.usm import AUTH, PRIV, Envelope
from collectors.snmp.usm_keys import AUTHS, PRIVACIES, Keys, User, UsmError, localised, user_of
from collectors.snmp.usm_session import UsmSession, knock
from tests.agent.net.peers import Books
from tests.collectors.snmp.agents import HOST, PORT, asking
from tests.collectors.snmp.packets import mutated
from tests.collectors.snmp.snmpd import snmpd

ENGINE = bytes(11) + b"\x02"
SYS_NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
PHRASE, OTHER = b"maplesyrup-auth", b"maplesyrup-priv"
ALL = [
    User(f"u-{a}-{p}".lower().encode(), a, PHRASE, p, OTHER)
    for a in AUTHS
    for p in PRIVACIES
    if PRIVACIES[p].key <= 16 or PRIVACIES[p].longer
]
REAL = [
    User(b"none"),
    User(b"md5", "MD5", PHRASE),
    User(b"sha", "SHA", PHRASE),
    User(b"md5des", "MD5", PHRASE, "DES", OTHER),
    User(b"shaaes", "SHA", PHRASE, "AES", OTHER),
    User(b"s224", "SHA-224", PHRASE, "AES", OTHER),
    User(b"s256", "SHA-256", PHRASE, "AES-192", OTHER),
    User(b"sha192", "SHA", PHRASE, "AES-192", OTHER),
    User(b"s384", "SHA-384", PHRASE, "AES-256", OTHER),
    User(b"s512", "SHA-512", PHRASE, "AES-256", OTHER),
    User(b"sha256l", "SHA", PHRASE, "AES-256", OTHER),
]


def test_keys_of_rfc_3414() -> None:
    assert localised(b"maplesyrup", "md5", ENGINE).hex() == "526f5eed9fcce26f8964c2930787d82b"
    want = "6695febc9288e36282235fc7151f128497b38f3f"
    assert localised(b"maplesyrup", "sha1", ENGINE).hex() == want


@pytest.mark.parametrize("user", ALL, ids=lambda u: u.name.decode())
def test_pysnmp_has_the_same_keys_digests_and_plain_text(user: User) -> None:
    # First of all: its parts import each other in circles.
    import_module("pysnmp.entity.engine")
    from pyasn1.type import univ
    from pysnmp.proto.secmod.eso.priv import aes192, aes256, des3
    from pysnmp.proto.secmod.rfc3414.auth import hmacmd5, hmacsha
    from pysnmp.proto.secmod.rfc3414.priv import des
    from pysnmp.proto.secmod.rfc3826.priv import aes
    from pysnmp.proto.secmod.rfc7860.auth import hmacsha2

    number = list(AUTHS).index(user.auth) + 2
    oid = (1, 3, 6, 1, 6, 3, 10, 1, 1, number)
    auth = {"MD5": hmacmd5.HmacMd5, "SHA": hmacsha.HmacSha}.get(
        user.auth, lambda: hmacsha2.HmacSha2(oid)
    )()
    privacy = {
        "DES": des.Des,
        "3DES": des3.Des3,
        "AES": aes.Aes,
        "AES-192": aes192.AesBlumenthal192,
        "AES-256": aes256.AesBlumenthal256,
        "AES-192-C": aes192.Aes192,
        "AES-256-C": aes256.Aes256,
    }[user.privacy]()
    engine = univ.OctetString(ENGINE)
    ours = Keys(user, ENGINE)
    key = auth.localize_key(auth.hash_passphrase(user.auth_phrase), engine)
    assert bytes(key) == ours._auth
    hashed = privacy.hash_passphrase(oid, user.privacy_phrase)
    theirs = privacy.localize_key(oid, hashed, engine)
    assert bytes(theirs)[: len(ours._privacy)] == ours._privacy
    sealed, salt = ours.seal(b"sixteen octets..plus", 3, 777)
    times = (univ.Integer(3), univ.Integer(777), univ.OctetString(salt))
    plain = bytes(privacy.decrypt_data(theirs, times, univ.OctetString(sealed)))
    assert plain[:20] == b"sixteen octets..plus"
    theirs_sealed, theirs_salt = privacy.encrypt_data(theirs, times, b"what pysnmp says")
    assert ours.open(bytes(theirs_sealed), bytes(theirs_salt), 3, 777)[:16] == b"what pysnmp says"


def test_secrets_of_client_toml() -> None:
    assert user_of("u", "") == User(b"u")
    two = user_of("u", "sha256 'my long phrase'")
    assert (two.security, two.auth_phrase) == ("authNoPriv SHA-256", b"my long phrase")
    four = user_of("u", "SHA1 12345678 aes256 abcdefgh")
    assert (four.security, four.privacy_phrase) == ("authPriv SHA AES-256", b"abcdefgh")
    assert "12345678" not in repr(four) and "abcdefgh" not in repr(Keys(four, ENGINE))
    for wrong in (
        "x",
        "sha256 short",
        "sha9 12345678",
        "sha 12345678 rot13 12345678",
        "'",
        "a b c",
    ):
        with pytest.raises(UsmError) as caught:
            user_of("u", wrong)
        assert "12345678" not in str(caught.value)
    with pytest.raises(UsmError):
        user_of("u" * 33, "")


def _whole(user: User, seed: int = 1) -> tuple[bytes, Keys]:
    keys = Keys(user, ENGINE)
    body = question(7, (b"\x2b\x06\x01\x02\x01",))
    # As an agent answers.
    body = b"\xa2" + body[1:]
    scoped = usm.scoped_pdu(ENGINE, b"vlan-7", body)
    asked = Envelope(seed, AUTH | PRIV, ENGINE, 4, 900, user.name, scoped=scoped)
    return usm.written(asked, keys), keys


def test_a_message_comes_back_and_no_changed_one_is_genuine() -> None:
    data, keys = _whole(ALL[-1])
    e = usm.read(data)
    assert usm.genuine(data, e, keys)
    tag, engine, name, got = usm.opened(e, keys)
    assert (tag, engine, name, got.request_id) == (0xA2, ENGINE, b"vlan-7", 7)
    random_ = random.Random(5)
    for _ in range(3000):
        other = mutated(data, random_)
        if other == data:
            continue
        try:
            e = usm.read(other)
        except BerError:
            continue
        assert not usm.genuine(other, e, keys)
        with suppress(BerError, UsmError):
            usm.opened(e, keys)


@given(st.binary(max_size=300))
def test_any_octets_are_refused_in_our_words(data: bytes) -> None:
    with suppress(BerError, UsmError):
        usm.opened(usm.read(data), None)


async def _name(ctx: RunContext, books: Books, user: User) -> tuple[object, str]:
    session = UsmSession(ctx, books, HOST, user)
    if miss := await knock(session):
        return miss, session.why
    got = await get(session, [SYS_NAME])
    return got.found[SYS_NAME].value, ""


@pytest.mark.needs("snmpd")
def test_every_user_of_a_real_agent_is_let_in(tmp_path: Path) -> None:
    async def act(ctx: RunContext, books: Books) -> list[tuple[object, str]]:
        return [await _name(ctx, books, user) for user in REAL]

    with snmpd(tmp_path, HOST, PORT, REAL):
        told, _ = asking({}, act)
    assert told == [(b"real", "")] * len(REAL)


@pytest.mark.needs("snmpd")
def test_who_is_refused_is_told_why_and_never_waited_for(tmp_path: Path) -> None:
    good = REAL[4]
    wrong = {
        "unknownUserName": replace(good, name=b"nobody"),
        "wrongDigest": replace(good, auth_phrase=b"quite-another"),
        "unsupportedSecLevel": replace(REAL[1], privacy="DES", privacy_phrase=OTHER),
    }

    async def act(ctx: RunContext, books: Books) -> list[tuple[object, str]]:
        out = [await _name(ctx, books, user) for user in wrong.values()]
        return [*out, await _name(ctx, books, replace(good, privacy_phrase=b"quite-another"))]

    with snmpd(tmp_path, HOST, PORT, REAL):
        told, books = asking({}, act)
    assert told[:3] == [("refused", why) for why in wrong]
    assert told[3][0] == "refused"
    assert sum(books.packets.values()) < 16


@pytest.mark.needs("snmpd")
def test_an_agent_that_started_again_and_a_clock_that_jumped(tmp_path: Path) -> None:
    jump = [0.0]

    async def act(ctx: RunContext, books: Books) -> list[object]:
        session = UsmSession(ctx, books, HOST, REAL[4], now=lambda: jump[0])
        out: list[object] = []
        for at in (0.0, 100_000.0, -100_000.0):
            jump[0] = at
            out.append((await get(session, [SYS_NAME])).found[SYS_NAME].value)
        running.close()
        running.enter_context(snmpd(tmp_path, HOST, PORT, REAL))
        out.append((await get(session, [SYS_NAME])).found[SYS_NAME].value)
        return out

    with ExitStack() as running:
        running.enter_context(snmpd(tmp_path, HOST, PORT, REAL))
        told, _ = asking({}, act)
    assert told == [b"real"] * 4


@pytest.mark.needs("snmpd")
def test_tables_of_a_real_agent_are_the_same_by_v3_as_by_v2c(tmp_path: Path) -> None:
    from collectors.snmp.client import CommunitySession

    roots = tuple((1, 3, 6, 1, 2, 1, 2, 2, 1, n) for n in (2, 3, 6))

    async def act(ctx: RunContext, books: Books) -> list[object]:
        sessions = (
            UsmSession(ctx, books, HOST, REAL[9]),
            CommunitySession(ctx, books, HOST, 1, b"lab-read"),
        )
        return [[(c.rows, c.end) for c in await walk(s, roots, 100)] for s in sessions]

    with snmpd(tmp_path, HOST, PORT, REAL):
        told, _ = asking({}, act)
    assert told[0] == told[1]
    assert "lo" in str(told[0])


def test_silence_costs_the_budget_and_ends() -> None:
    async def act(ctx: RunContext, books: Books) -> object:
        session = UsmSession(ctx, books, HOST, REAL[4], budget=Budget(1))
        return await knock(session), list((await get(session, [SCALARS["name"]])).missed.values())

    assert asking({}, act)[0] == ("cap", ["cap"])
