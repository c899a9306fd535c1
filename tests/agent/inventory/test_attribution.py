"""A provider is named for a strong reason only; free text raises a suspicion."""

from __future__ import annotations

import pytest

from agent.inventory.attribution import Clue, Clues, attribute
from agent.model.attribution import Provider

FORMER = Provider(
    id="infosud",
    role="former",
    name="InfoSud Services",
    aliases=("InfoSud",),
    tools=("ScreenConnect",),
    domains=("infosud.example",),
    networks=("203.0.113.0/28",),
    ids={"screenconnect": ("AB12CD",)},
)
OURS = Provider(
    id="us", role="ours", name="Nous", domains=("nous.example",), ids={"ninja": ("77",)}
)
BOTH = (FORMER, OURS)


@pytest.mark.parametrize(
    "clues",
    [
        Clues(ids=(Clue("ab12cd", kind="screenconnect"),)),
        Clues(addresses=(Clue("203.0.113.5"),)),
        Clues(names=(Clue("relay.infosud.example"),)),
        Clues(names=(Clue("InfoSud.example."),)),
        Clues(names=(Clue("support@infosud.example"),)),
    ],
)
def test_strong(clues: Clues) -> None:
    found = attribute(clues, BOTH)
    assert (found.owner, found.provider) == ("former", "infosud")
    assert all(w.strong for w in found.for_)


@pytest.mark.parametrize(
    "clues",
    [
        Clues(ids=(Clue("ab12cd", kind="ninja"),)),
        Clues(ids=(Clue("ab12cdx"),)),
        Clues(addresses=(Clue("203.0.113.16"), Clue("infosud"))),
        Clues(names=(Clue("notinfosud.example"), Clue("infosud.example.evil.test"))),
        Clues(texts=(Clue("installed with ScreenConnect"), Clue("infosudation"))),
        Clues(),
    ],
)
def test_nobody(clues: Clues) -> None:
    found = attribute(clues, BOTH)
    assert (found.owner, found.provider, found.suspected) == ("unknown", None, ())


def test_words_are_a_suspicion() -> None:
    found = attribute(Clues(texts=(Clue("Call InfoSud, 01 23", ("0" * 32,)),)), BOTH)
    assert (found.owner, found.provider, found.suspected) == ("unknown", None, ("infosud",))
    assert found.for_[0].evidence == ("0" * 32,)
    assert not found.for_[0].strong


def test_two_sides_are_contested() -> None:
    clues = Clues(ids=(Clue("77", kind="ninja"),), names=(Clue("infosud.example"),))
    found = attribute(clues, BOTH)
    assert (found.owner, found.provider) == ("contested", None)
    assert any(w.strong for w in found.against)
    assert attribute(clues, (OURS, FORMER)) == found


def test_words_do_not_contest() -> None:
    clues = Clues(ids=(Clue("77", kind="ninja"),), texts=(Clue("replaced InfoSud"),))
    found = attribute(clues, BOTH)
    assert (found.owner, found.provider, found.suspected) == ("ours", "us", ("infosud",))
