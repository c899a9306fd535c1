"""Heads in words: reversible, plain, and refused when too short to prove anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store.words import WordsError, head_prefix, head_words, words_head

# From the proposal, arXiv:0901.4016: 127.0.0.1 and 63.84.220.193.
PUBLISHED = {"7f000001": "lusab-babad", "3f54dcc1": "gutih-tugad"}


@pytest.mark.parametrize(("digits", "words"), PUBLISHED.items())
def test_published_examples(digits: str, words: str) -> None:
    assert head_words(digits) == words
    assert words_head(words.upper().replace("-", "  ")) == digits


@given(st.binary(min_size=32, max_size=32))
def test_reversible(head: bytes) -> None:
    words = head_words(head.hex())
    assert words.isascii()
    assert len(words.split("-")) == 16
    assert words_head(words) == head.hex()
    assert head_prefix(words) == head_prefix(head.hex().upper()) == head.hex()


@given(st.text(max_size=120))
def test_anything_typed_is_read_or_refused(text: str) -> None:
    try:
        prefix = head_prefix(text)
    except WordsError:
        return
    assert 32 <= len(prefix) <= 64
    assert not set(prefix) - set("0123456789abcdef")


@pytest.mark.parametrize("text", ["", "lusab-babad", "lusab", "xusab " * 16, "7f", "lusab " * 17])
def test_refused(text: str) -> None:
    with pytest.raises(WordsError):
        head_prefix(text)


@pytest.mark.parametrize("digits", ["", "7", "7f", "zz00"])
def test_no_words_for(digits: str) -> None:
    with pytest.raises(WordsError):
        head_words(digits)
