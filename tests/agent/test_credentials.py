"""Accounts: every place a secret is kept, one try only, and no output in which a secret stands."""

from __future__ import annotations

import base64
import copy
import importlib
import json
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.contract import Trust
from agent.credentials import AccountBook, CredentialError
from agent.engagement.engagement import Engagement
from agent.engagement.problems import Refusal
from agent.engagement.secret import Secret
from tests.agent.engagement.sample import CLIENT, engagement

pyrage: Any = importlib.import_module("pyrage")
CANARY = "Tr0ub4dor&3-canary"
IDENTITY = pyrage.x25519.Identity.generate()


def nobody() -> None:
    """A guard that lets everything pass."""


def with_secret(path: Path, form: str) -> Engagement:
    return engagement(path, CLIENT.replace('secret = "env:HANDOVER_AD"', f"secret = {form}"))


def book(e: Engagement, prompt: Callable[[str], str] | None = None, **environ: str) -> AccountBook:
    return AccountBook(e, guard=nobody, prompt=prompt, environ=environ)


def lent(b: AccountBook, account: str = "ad") -> str:
    with b.lend(account) as secret:
        return secret.reveal()


def test_handles_by_purpose_and_site(tmp_path: Path) -> None:
    b = book(engagement(tmp_path))
    assert b.handles("directory", "usine") == b.handles("directory", "depot") == ("ad",)
    assert (b.handles("snmp", "usine"), b.handles("snmp", "depot")) == (("snmp",), ())


def test_from_the_environment(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    assert lent(book(e, HANDOVER_AD=CANARY)) == CANARY
    b = book(e)
    assert b.available("ad") == "the environment variable HANDOVER_AD is not set"
    with pytest.raises(CredentialError, match="account 'ad': the environment variable HANDOVER_AD"):
        lent(b)
    with pytest.raises(CredentialError, match="gave an empty secret"):
        lent(book(e, HANDOVER_AD=""))


def test_by_what_the_controller_is_known(tmp_path: Path) -> None:
    """A file of the engagement, a fingerprint, or the system's own authorities."""

    def said(ca: str) -> Trust:
        text = CLIENT.replace(
            'secret = "env:HANDOVER_AD"', f'secret = "env:HANDOVER_AD"\nca = "{ca}"'
        )
        return book(engagement(tmp_path, text)).authority("ad")

    (tmp_path / "ad.pem").write_text("-----BEGIN CERTIFICATE-----", "ascii")
    assert book(engagement(tmp_path)).authority("ad") == Trust()
    assert said("sha256:" + "AB:" * 31 + "AB") == Trust(pin="ab" * 32)
    assert said("ad.pem").authority.startswith("-----BEGIN")
    for wrong in ("sha256:abc", "missing.pem"):
        with pytest.raises(CredentialError, match="account 'ad': ca "):
            said(wrong)


def test_at_the_prompt_once_and_never_without_a_terminal(tmp_path: Path) -> None:
    e = with_secret(tmp_path, '"prompt"')
    asked: list[str] = []

    def person(question: str) -> str:
        asked.append(question)
        return CANARY

    b = book(e, person)
    assert lent(b) == lent(b) == CANARY
    assert asked == ["Secret of audit@durand.example (ad)"]
    b.close()
    assert lent(b) == CANARY and len(asked) == 2
    with pytest.raises(CredentialError, match="there is no terminal"):
        lent(book(e))


def test_several_places_in_their_order(tmp_path: Path) -> None:
    e = with_secret(tmp_path, '["command: echo last", "env:B", "env:A", "prompt"]')
    assert lent(book(e, lambda _: "typed", A="a", B="b")) == "typed"
    assert lent(book(e, A="a", B="b")) == "b"
    assert lent(book(e, A="a")) == "a"
    assert lent(book(e)) == "last"


def sealed(path: Path, text: str) -> None:
    path.write_bytes(pyrage.encrypt(text.encode(), [IDENTITY.to_public()]))


def test_from_an_age_file(tmp_path: Path) -> None:
    e = with_secret(tmp_path, '"age:secrets.age#domain"')
    identity = tmp_path / "identity.txt"
    identity.write_text(f"# created: today\n{IDENTITY}\n")
    b = book(e, HANDOVER_AGE_IDENTITY=str(identity))
    assert "no file secrets.age" in b.available("ad")
    sealed(tmp_path / "secrets.age", f'domain = "{CANARY}"\nad = "other"\nn = 3\n')
    assert lent(b) == CANARY
    plain = with_secret(tmp_path, '"age:secrets.age"')
    assert lent(book(plain, HANDOVER_AGE_IDENTITY=str(identity))) == "other"
    named = replace(e, msp=e.msp.model_copy(update={"age_identity": str(identity)}))
    assert lent(book(named)) == CANARY


def test_an_age_file_that_gives_nothing(tmp_path: Path) -> None:
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{IDENTITY}\n")
    other = tmp_path / "other.txt"
    other.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    path = tmp_path / "secrets.age"
    e = with_secret(tmp_path, '"age:secrets.age#domain"')

    def told(text: str, key: Path | None = identity) -> str:
        sealed(path, text)
        with pytest.raises(CredentialError) as caught:
            lent(book(e, HANDOVER_AGE_IDENTITY=str(key)) if key else book(e))
        assert CANARY not in everything(caught.value)
        return str(caught.value)

    secret = f'x = "{CANARY}"'
    assert "holds no text named 'domain'" in told(secret)
    assert "must hold lines like" in told(f"{secret}\n{CANARY}")
    assert "cannot be opened with this key" in told(secret, other)
    assert "set HANDOVER_AGE_IDENTITY" in told(secret, None)
    assert "the age identity file none.txt cannot be read" in told(secret, tmp_path / "none.txt")
    other.write_text("AGE-SECRET-KEY-1BROKEN")
    assert "the age identity file other.txt cannot be read" in told(secret, other)
    path.write_bytes(b"no age file")
    with pytest.raises(CredentialError, match="cannot be opened"):
        lent(book(e, HANDOVER_AGE_IDENTITY=str(identity)))


def test_an_age_file_with_a_passphrase(tmp_path: Path) -> None:
    e = with_secret(tmp_path, '"age:secrets.age#domain"')
    raw = pyrage.passphrase.encrypt(f'domain = "{CANARY}"'.encode(), "open sesame")
    (tmp_path / "secrets.age").write_bytes(raw)
    assert lent(book(e, lambda _: "open sesame")) == CANARY
    with pytest.raises(CredentialError, match="cannot be opened"):
        lent(book(e, lambda _: "wrong"))
    with pytest.raises(CredentialError, match="there is no terminal"):
        lent(book(e))


def test_from_a_command_without_a_shell(tmp_path: Path) -> None:
    program = tmp_path / "vault.py"
    program.write_text(
        "import sys\nassert sys.stdin.read() == ''\nprint(sys.argv[1])\nprint('second line')\n"
        f"print({CANARY!r}, file=sys.stderr)\nsys.exit(int(sys.argv[2]))"
    )
    call = f"command: {sys.executable} vault.py"
    e = with_secret(tmp_path, json.dumps(f"{call} '$HOME; x' 0"))
    assert lent(book(e)) == "$HOME; x"
    with pytest.raises(CredentialError, match="its command ended with exit code 3") as caught:
        lent(book(with_secret(tmp_path, json.dumps(f"{call} '{CANARY}' 3"))))
    assert CANARY not in str(caught.value)
    for broken in ("no-such-program x", "sh 'unclosed"):
        with pytest.raises(CredentialError, match="cannot be run or read"):
            lent(book(with_secret(tmp_path, json.dumps(f"command: {broken}"))))


def test_the_keyring_is_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    e = with_secret(tmp_path, '"keyring:acme"')
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CredentialError, match="optional part 'keyring' is not installed"):
        lent(book(e))
    # The two modules of the real package, as a folder on the path; their interface is keyring's own.
    package = tmp_path / "lib" / "keyring"
    package.mkdir(parents=True)
    (package / "errors.py").write_text("class KeyringError(Exception): pass\n")
    (package / "__init__.py").write_text(
        "from . import errors\n"
        "def get_password(service, user):\n"
        "    if service == 'locked': raise errors.KeyringError('locked')\n"
        f"    return {CANARY!r} if (service, user) == ('acme', 'audit@durand.example') else None\n"
    )
    monkeypatch.delitem(sys.modules, "keyring")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    assert lent(book(e)) == CANARY
    with pytest.raises(CredentialError, match="no entry for service 'handover'"):
        lent(book(with_secret(tmp_path, '"keyring"')))
    with pytest.raises(CredentialError, match="would not open service 'locked'"):
        lent(book(with_secret(tmp_path, '"keyring:locked"')))
    for name in ("keyring", "keyring.errors"):
        monkeypatch.delitem(sys.modules, name)


def forms(text: str) -> list[bytes]:
    """The ways a secret could be written."""
    raw = text.encode()
    return [raw, text.encode("utf-16-le"), base64.b64encode(raw)[:-4], raw.hex().encode()]


def everything(error: BaseException) -> str:
    assert error.__traceback__ is not None
    frame = error.__traceback__.tb_next  # without the test's own variables
    ours = [t for t in _frames(frame) if "/tests/" not in t.tb_frame.f_code.co_filename]
    return str(error) + repr(error) + "".join(repr(t.tb_frame.f_locals) for t in ours)


def _frames(trace: Any) -> list[Any]:
    return [trace, *_frames(trace.tb_next)] if trace is not None else []


def test_a_secret_shows_nothing_of_itself() -> None:
    s = Secret(CANARY)
    shown = [repr(s), str(s), f"{s}", f"{s!r:>40}", "%s %r" % (s, s), repr([s]), repr({"a": s})]  # noqa: UP031
    assert not [text for text in shown if CANARY in text]
    ways: tuple[Any, ...] = (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, bytes, list)
    for way in ways:
        with pytest.raises(TypeError) as caught:
            way(s)
        assert CANARY not in str(caught.value)
    with pytest.raises(ZeroDivisionError) as divided:
        (lambda secret: 1 / 0)(s)
    trace = traceback.TracebackException.from_exception(divided.value, capture_locals=True)
    frames = "".join(f for f in trace.format() if "secret = " in f)
    assert "<secret>" in frames and CANARY not in frames
    assert s.reveal() == CANARY
    s.forget()
    with pytest.raises(ValueError, match="given back"):
        s.reveal()


def test_what_was_lent_is_given_back(tmp_path: Path) -> None:
    b = book(engagement(tmp_path), HANDOVER_AD=CANARY)
    with b.lend("ad") as secret:
        pass
    with pytest.raises(ValueError, match="given back"):
        secret.reveal()
    assert CANARY not in repr(b) + repr(b.accounts)


def test_no_secret_in_any_file_of_the_folder(tmp_path: Path) -> None:
    b = book(engagement(tmp_path), HANDOVER_AD=CANARY)
    with b.try_once("ad", "dc1") as attempt, b.lend("ad"):
        attempt.refused("52e")
    raw = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert not [form for form in forms(CANARY) if form in raw]


def test_the_secret_is_not_even_fetched(tmp_path: Path) -> None:
    e = with_secret(tmp_path, '"prompt"')

    def guard() -> None:
        raise Refusal(4, "watched", "go elsewhere")

    def person(question: str) -> str:
        pytest.fail("asked for a secret")

    b = AccountBook(e, guard=guard, prompt=person, environ={})
    for _ in range(2):
        with pytest.raises(Refusal, match="watched"):
            lent(b)
