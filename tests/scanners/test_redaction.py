"""Secrets in what a device said do not get past the fetch; what tells the product does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanners.http_answer import title_of
from scanners.redaction import MARK, redact

CANARY = b"Tr0ub4dor-canary"


@pytest.mark.parametrize(
    "form",
    [
        b"HTTP/1.1 200 OK\r\nSet-Cookie: SID=%s; Path=/\r\n\r\n",
        b"Location: https://admin:%s@nas.example/\r\n",
        b"Location: /login?user=a&password=%s&x=1",
        b"Authorization: Basic %s\r\n",
        b'{"user": "a", "api_key": "%s", "x": 1}',
        b"<input type='hidden' name='csrf_token' value='%s'>",
        b'<input value="%s" name="admin_password">',
        b"<INPUT TYPE=PASSWORD VALUE=%s>",
        b"snmp community: %s\r\n",
        b"220 default password = %s\r\n",
        b"mot de passe : %s\r\n",
        b"-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----",
        b"var sessionId='%s';",
    ],
)
def test_the_value_goes_and_the_name_stays(form: bytes) -> None:
    kept, kinds = redact(form % CANARY)
    assert CANARY not in kept
    assert MARK in kept
    assert kinds
    assert form.split(b"%s")[0].strip() in kept


@pytest.mark.parametrize(
    "text",
    [
        b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
        b"Username: ",
        b"\r\nlogin: \r\nPassword: ",
        b'WWW-Authenticate: Basic realm="level_15_access"\r\n',
        b"<title>Community portal</title><input name=q value=search>",
        b"Server: tokenizer/1.0\r\n",
    ],
)
def test_what_is_no_secret_stays(text: bytes) -> None:
    assert redact(text) == (text, ())


@given(st.binary(max_size=600))
def test_it_takes_any_bytes_and_says_what_it_did(data: bytes) -> None:
    kept, kinds = redact(data)
    assert bool(kinds) or kept == data


@given(
    st.lists(
        st.sampled_from([b"password=", b"<input ", b"value=", b"x", b"\r\n", b"cookie: a="]),
        max_size=30,
    )
)
def test_twice_is_once(pieces: list[bytes]) -> None:
    once, _ = redact(b"".join(pieces))
    assert redact(redact(once)[0])[0] == redact(once)[0]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [b"<title", b"<title>", b"<input ", b"<input value=", b"\r\n", b"a:", b"realm=", b"password"]
    + [
        b"http://",
        b"token   ",
        b"\ncookie:",
        b"-----BEGIN PRIVATE KEY-----",
        b"<input " + b"a" * 299,
    ],
    ids=lambda b: b[:7].decode().strip() or "lines",
)
def test_an_answer_made_to_cost_time_costs_no_more_than_its_size(piece: bytes) -> None:
    """Two megabytes, eight times what is ever read: anything worse than linear would take hours."""
    data = piece * (2_000_000 // len(piece))
    redact(data)
    title_of(data)
