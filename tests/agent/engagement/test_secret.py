"""Taking secrets out of a text, in every form a library may have given them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engagement.secret import HIDDEN, Secret, scrub
from tests.acceptance_loopback.test_canary import forms
from tests.agent.engagement.sample import engagement
from tests.agent.test_credentials import book, lent

secrets = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=6, max_size=40)


@given(secrets, st.text(max_size=20), st.binary(max_size=5))
def test_no_form_of_a_secret_is_left(value: str, around: str, before: bytes) -> None:
    raw, wide = value.encode(), value.encode("utf-16-le")
    made = [value, repr(value), json.dumps(value), quote_plus(value), str(raw), str(wide)]
    made += [
        raw.decode("latin-1"),
        wide.decode("latin-1"),
        raw.hex(),
        wide.hex(),
        raw.hex().upper(),
    ]
    made += [base64.b64encode(before + raw + b"tail").decode(), base64.b64encode(wide).decode()]
    made += [base64.urlsafe_b64encode(before + raw).decode(), *("".join(f"%{b:02x}" for b in raw),)]
    cleaned = scrub(around.join(made), [Secret(value)])
    left = cleaned.replace(HIDDEN, "\0").encode("utf-8", "surrogatepass")
    # A form of few characters is found in anything.
    assert not [f for f in forms(value) if len(f) >= 6 and f in left]


def test_a_text_without_it_stays_as_it_is() -> None:
    assert (
        scrub("login as audit failed (52e)", [Secret("hunter2")]) == "login as audit failed (52e)"
    )
    assert scrub("anything", [Secret("")]) == "anything"


def test_what_was_forgotten_is_looked_for_no_more() -> None:
    secret = Secret("hunter2")
    assert secret.scrub("hunter2") == HIDDEN
    secret.forget()
    assert secret.scrub("hunter2") == "hunter2"


def test_the_book_knows_what_it_lent_before(tmp_path: Path) -> None:
    b = book(engagement(tmp_path), HANDOVER_AD="canary-5501")
    assert b.scrub("canary-5501") == "canary-5501"
    assert lent(b) == "canary-5501"
    assert b.scrub("bind of canary-5501 refused") == f"bind of {HIDDEN} refused"


def test_a_message_of_the_command_line_holds_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from agent.cli import _tell
    from agent.told import Told

    alive = Secret("canary-7734")
    _tell(Told("the vault said canary-7734"))
    assert capsys.readouterr().err == f"Error: the vault said {HIDDEN}\n"
    assert alive.reveal()
