"""The head of a run's chain in words that can be read out on the telephone, copied by hand and typed back.

Each 16 bits become one pronounceable word of five letters: a *proquint* (D. S. Wilkerson, "A Proposal for Proquints",
arXiv:0901.4016). Sixteen words are the whole SHA-256; the first eight still cannot be forged.
"""

from __future__ import annotations

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"
SHORTEST = 8
"""Fewest words taken for a head: 128 bits, so that nobody can prepare two runs that begin alike (2^64 tries)."""


class WordsError(ValueError):
    """The words (or digits) are not the beginning of a head."""


def head_words(head_hex: str) -> str:
    """Words of *head_hex* (64 hexadecimal digits, or a beginning of them by fours), parted by hyphens. Raises `WordsError`."""
    try:
        data = bytes.fromhex(head_hex)
    except ValueError:
        raise WordsError("a head is written in hexadecimal digits") from None
    if len(data) % 2 or not data:
        raise WordsError("a head comes in groups of four hexadecimal digits")
    return "-".join(_word(data[i] << 8 | data[i + 1]) for i in range(0, len(data), 2))


def words_head(words: str) -> str:
    """The hexadecimal digits that *words* (parted by hyphens or blanks, any case) stand for. Raises `WordsError`."""
    parts = words.lower().replace("-", " ").split()
    if not parts:
        raise WordsError("no words")
    return "".join(f"{_value(p):04x}" for p in parts)


def head_prefix(text: str) -> str:
    """A head as somebody noted it, in words or digits, as lower-case hexadecimal digits. Raises `WordsError` when it is too short."""
    plain = text.strip().lower()
    hexadecimal = len(plain) <= 64 and not set(plain) - set("0123456789abcdef")
    prefix = plain if hexadecimal else words_head(plain)
    if not SHORTEST * 4 <= len(prefix) <= 64:
        raise WordsError(f"a head needs {SHORTEST} to 16 words: {len(prefix) // 4} given")
    return prefix


def _word(value: int) -> str:
    return (
        _CONSONANTS[value >> 12]
        + _VOWELS[value >> 10 & 3]
        + _CONSONANTS[value >> 6 & 15]
        + _VOWELS[value >> 4 & 3]
        + _CONSONANTS[value & 15]
    )


def _value(word: str) -> int:
    if len(word) != 5:
        raise WordsError(f"a word of a head has five letters: {word[:20]!r}")
    value = 0
    for letter, letters, bits in zip(
        word,
        (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS),
        (4, 2, 4, 2, 4),
        strict=True,
    ):
        index = letters.find(letter)
        if index < 0:
            raise WordsError(f"not a word of a head: {word!r}")
        value = value << bits | index
    return value
