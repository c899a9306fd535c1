"""The reader of HTTP answers: whatever comes, it answers or says `NotHttp`, within bounds; what is well formed comes out right."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanners.http_answer import LIMIT, NotHttp, complete, parse, realm_of, title_of
from scanners.web import clean, page, readable

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"\r\n",
        b"\n",
        b":",
        b"Transfer-Encoding: chunked",
        b"Content-Encoding: gzip",
    ]
    + [
        b"Content-Length: 10",
        b"Content-Length: -1",
        b"ffffffff\r\n",
        b"5\r\nabcde\r\n",
        b"0\r\n\r\n",
    ]
    + [
        b"<title>",
        b"</title>",
        b"<TITLE",
        b"&#xD800;",
        b"\xff",
        b"\0",
        b"\x1f\x8b",
        b"Set-Cookie: a=b",
    ]
    + [b'WWW-Authenticate: Basic realm="', b"Location: http://u:p@h/"]
)
HOSTILE = st.one_of(
    st.binary(max_size=400),
    st.lists(PIECES | st.binary(max_size=8), max_size=30).map(b"".join),
    st.lists(PIECES | st.binary(max_size=8), max_size=30).map(
        lambda p: b"HTTP/1.1 200 OK\r\n" + b"".join(p)
    ),
)


@given(HOSTILE)
def test_whatever_comes_it_answers_or_says_not_http(raw: bytes) -> None:
    complete(raw[:16384], raw[-16:], len(raw))
    try:
        answer = parse(raw)
    except NotHttp:
        return
    assert 0 <= answer.status <= 999
    assert len(answer.body) <= LIMIT
    body = page(80, False, clean(answer), b"")
    assert len(body.title) <= 300
    assert body.model_dump_json()
    assert len(readable(raw, answer)) <= LIMIT


@given(st.binary(max_size=3000), st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_chunks_come_together_again(body: bytes, sizes: list[int]) -> None:
    raw, at, number = b"", 0, 0
    while at < len(body):
        piece = body[at : at + sizes[number % len(sizes)]]
        raw += b"%X\r\n%s\r\n" % (len(piece), piece)
        at, number = at + len(piece), number + 1
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = parse(head + raw + b"0\r\n\r\n")
    assert (answer.body, answer.whole) == (body, True)
    assert complete(head, (raw + b"0\r\n\r\n")[-16:], 0) or not body
    if raw:
        assert not parse(head + raw[:-1]).whole


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compressed_bodies(pack: Callable[[bytes], bytes]) -> None:
    body = b"<title>packed</title>" * 50
    packed = pack(body)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    assert parse(head + packed).body == body
    assert not parse(head + packed[:-12]).whole
    assert not parse(head + b"no gzip at all").whole


def test_a_bomb_is_cut_and_the_cut_is_known() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    answer = parse(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb)
    assert len(answer.body) == LIMIT
    assert not answer.whole


@pytest.mark.parametrize(
    ("raw", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", True),
    ],
)
def test_an_answer_that_is_short_is_not_whole(raw: bytes, whole: bool) -> None:
    assert parse(raw).whole is whole


@pytest.mark.parametrize(
    "raw",
    [b"", b"SSH-2.0-x\r\n", b"RTSP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"HTTP/1.1 2000 x"],
)
def test_what_is_not_http(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        parse(raw)


def test_complete_waits_for_the_length_or_the_last_chunk() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    assert not complete(head + b"1234", b"1234", len(head) + 4)
    assert complete(head + b"12345", b"12345", len(head) + 5)
    assert not complete(b"HTTP/1.1 200 OK\r\nContent-Le", b"", 26)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 1\r\n\r\n"
    assert not complete(chunked + b"1\r\na\r\n", b"1\r\na\r\n", 200)
    assert complete(chunked + b"1\r\na\r\n0\r\n\r\n", b"1\r\na\r\n0\r\n\r\n", 200)


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (b"<title>a</title>", "a"),
        (b"<TITLE id=x\n>\n a\t b </Title>", "a b"),
        (b"<title>", ""),
        (b"<titlebar></titlebar><title>x</title>", "x"),
        (b"<title>" + b"x" * 5000 + b"</title>", ""),
        (b"<svg><title>" + b"x" * 3000 + b"<title>y</title>", "y"),
        ("<title>été</title>".encode("latin-1"), "été"),
        ("<title>été".encode() + b"\xff</title>", "été�"),
    ],
)
def test_titles(body: bytes, title: str) -> None:
    assert title_of(body) == title


def test_realms() -> None:
    assert realm_of('Negotiate, Basic realm="a, b", charset="UTF-8"') == "a, b"
    assert realm_of("Digest realm=gear,nonce=1") == "gear"
    assert realm_of('Basic realm="' + "x" * 900) == "x" * 200
    assert realm_of("Negotiate") == ""
