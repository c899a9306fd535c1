"""`AccountBook`: the accounts of client.toml as handles. A secret is fetched when it is lent, from where client.toml says it is kept, and
is never written, printed or passed on a command line.

Kept as: typed at a prompt (terminal only), an environment variable, an age file (https://age-encryption.org/v1), the system's keyring,
or the output of a command such as `op read`, `bw get`, `sops -d`.
"""

from __future__ import annotations

import getpass
import importlib
import os
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from agent.contract import Trust
from agent.engagement.attempts import Attempt, AttemptLog
from agent.engagement.client_file import AccountTable
from agent.engagement.engagement import Engagement
from agent.engagement.secret import Secret, scrub
from agent.own_host import refuse_if_former
from agent.told import Told

ORDER = ("prompt", "env", "age", "keyring", "command")
_MAX = 1 << 20
Prompt = Callable[[str], str]


class CredentialError(Told):
    """A secret could not be fetched; the words name the account and the place, never the secret."""

    exit_code = 4


@dataclass(frozen=True)
class Handle:
    """What may be known of an account: all but its secret."""

    id: str
    purpose: str
    at: str | None
    user: str
    forms: tuple[str, ...] = field(repr=False)
    ca: str = ""


class AccountBook:
    """The accounts of one engagement.

    *guard* is called before the first secret is fetched and may raise `Refusal`; left out, it looks at this machine for the former
    provider's agent (`agent.own_host`). *prompt* asks a person; left out, it is the terminal when there is one, and nobody otherwise:
    nothing ever waits for a person who is not there. *environ* stands for the environment.
    """

    def __init__(
        self,
        engagement: Engagement,
        *,
        guard: Callable[[], None] | None = None,
        prompt: Prompt | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = engagement.folder
        self.accounts = tuple(handle(a) for a in engagement.client.account)
        self._guard = guard or partial(refuse_if_former, engagement)
        terminal = sys.stdin is not None and sys.stdin.isatty()
        self._prompt = prompt or (ask_person if terminal else None)
        self._environ = os.environ if environ is None else environ
        named = self._environ.get("HANDOVER_AGE_IDENTITY") or engagement.msp.age_identity
        self._identity = Path(named).expanduser() if named else None
        self._fetched: dict[str, Secret] = {}
        kept = {form for a in self.accounts for form in a.forms if form.startswith("env:")}
        self._secret_names = frozenset(form.partition(":")[2] for form in kept)
        self._guarded = False
        self._lock = threading.Lock()

    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        """Ids of the accounts for *purpose* that are good at *site*, in the order of client.toml."""
        return tuple(a.id for a in self.accounts if a.purpose == purpose and a.at in (None, site))

    def get(self, account_id: str) -> Handle:
        """Raises `CredentialError` for an id client.toml does not have."""
        for account in self.accounts:
            if account.id == account_id:
                return account
        raise CredentialError(f'client.toml has no [[account]] id = "{account_id}"')

    @contextmanager
    def lend(self, account_id: str) -> Generator[Secret, None, None]:
        """The secret for the length of a `with`. Raises `CredentialError`, or `Refusal` (4) from the guard."""
        with self._lock:
            secret = self._secret(self.get(account_id))
        lent = Secret(secret.reveal())
        try:
            yield lent
        finally:
            lent.forget()

    def try_once(self, account_id: str, host: str) -> AbstractContextManager[Attempt]:
        """`with book.try_once(id, host) as attempt:` and say how it ended. Raises `AlreadyRefused`; see `agent.engagement.attempts`."""
        return AttemptLog(self.folder).try_once(self.get(account_id).id, host)

    def user(self, account_id: str) -> str:
        """The user name, empty where there is none (an SNMP community)."""
        return self.get(account_id).user

    def try_here(self, account_id: str, host: str) -> AbstractContextManager[Attempt]:
        """As `try_once`, for what each device keeps for itself, such as a community: what another host refused does not hold here."""
        return AttemptLog(self.folder).try_once(self.get(account_id).id, host, alone=False)

    def authority(self, account_id: str) -> Trust:
        """By what the server is known before it gets the secret: `ca` of the account. Raises `CredentialError`."""
        said = self.get(account_id).ca
        kind, _, pin = said.partition(":")
        if kind == "sha256":
            plain = pin.replace(":", "").lower()
            if not re.fullmatch(r"[0-9a-f]{64}", plain):
                raise CredentialError(f"account '{account_id}': ca is no SHA-256 fingerprint")
            return Trust(pin=plain)
        if not said:
            return Trust()
        try:
            return Trust(authority=(self.folder / said).read_text("ascii"))
        except (OSError, UnicodeDecodeError):
            raise CredentialError(f"account '{account_id}': ca = {said} cannot be read") from None

    def retry(self, account_id: str) -> None:
        """`--retry-account ID`: a person had the account put right."""
        AttemptLog(self.folder).retry(self.get(account_id).id)

    def barred(self, account_id: str) -> str:
        """Why the account would not be tried, empty when it would."""
        return AttemptLog(self.folder).barred(account_id)

    def available(self, account_id: str) -> str:
        """Why no secret could be fetched for the account, as far as can be told without fetching it; empty when one could."""
        reasons = [self._unavailable(form) for form in in_order(self.get(account_id).forms)]
        return "" if "" in reasons else "; ".join(reasons)

    def scrub(self, text: str) -> str:
        """*text*, such as the message of an error, without any secret that was fetched, however it is written there."""
        return scrub(text, self._fetched.values())

    def close(self) -> None:
        """Forget every fetched secret."""
        for secret in self._fetched.values():
            secret.forget()
        self._fetched.clear()

    def _secret(self, account: Handle) -> Secret:
        if account.id in self._fetched:
            return self._fetched[account.id]
        if not self._guarded:
            self._guard()
            self._guarded = True
        reasons: list[str] = []
        for form in in_order(account.forms):
            if reason := self._unavailable(form):
                reasons.append(reason)
                continue
            text = self._fetch(account, form)
            if not text:
                raise CredentialError(
                    f"account '{account.id}': {described(form)} gave an empty secret"
                )
            self._fetched[account.id] = Secret(text)
            return self._fetched[account.id]
        raise CredentialError(f"account '{account.id}': {'; '.join(reasons)}")

    def _unavailable(self, form: str) -> str:
        kind, _, rest = form.partition(":")
        if kind == "prompt" and self._prompt is None:
            return "there is no terminal to ask for its secret at"
        if kind == "env" and rest not in self._environ:
            return f"the environment variable {rest} is not set"
        if kind == "age" and not (self.folder / rest.partition("#")[0]).is_file():
            return f"there is no file {rest.partition('#')[0]} in the engagement folder"
        return ""

    def _fetch(self, account: Handle, form: str) -> str:
        kind, _, rest = form.partition(":")
        if kind == "prompt":
            assert self._prompt is not None  # _unavailable said so
            who = f"{account.user} ({account.id})" if account.user else account.id
            return self._prompt(f"Secret of {who}")
        if kind == "env":
            return self._environ[rest]
        if kind == "age":
            name, _, key = rest.partition("#")
            return _from_age(self.folder / name, key or account.id, self._identity, self._prompt)
        if kind == "keyring":
            return _from_keyring(rest or "handover", account.user or account.id)
        # It needs its own (a session of the vault, HOME), not the secrets of the other accounts.
        environ = {k: v for k, v in self._environ.items() if k not in self._secret_names}
        return _from_command(account.id, rest.strip(), self.folder, environ)


def handle(table: AccountTable) -> Handle:
    return Handle(table.id, table.for_, table.at, table.user, table.secret, table.ca)


def in_order(forms: tuple[str, ...]) -> tuple[str, ...]:
    """Prompt, environment, age file, keyring, command."""
    return tuple(sorted(forms, key=lambda form: ORDER.index(form.partition(":")[0])))


def described(form: str) -> str:
    """*form* for a message; of a command the program alone, as its arguments may name too much."""
    kind, _, rest = form.partition(":")
    if kind == "command":
        return f"command {(rest.split() or ['?'])[0]}"
    return form


def ask_person(question: str) -> str:
    """Ask at the terminal without echo."""
    return getpass.getpass(f"{question}: ", stream=sys.stderr)


def _from_age(path: Path, key: str, identity: Path | None, prompt: Prompt | None) -> str:
    """Value of *key* in the TOML inside the age file *path*, opened by the identity file or, when it has one, by its passphrase."""
    pyrage: Any = importlib.import_module("pyrage")  # it has no types

    try:
        sealed = path.read_bytes()
        if b"-> scrypt " in sealed[:400]:
            if prompt is None:
                raise CredentialError(f"{path.name} has a passphrase and there is no terminal")
            plain = pyrage.passphrase.decrypt(sealed, prompt(f"Passphrase of {path.name}"))
        else:
            plain = pyrage.decrypt(sealed, _identities(path, identity))
    except OSError as error:
        raise CredentialError(f"{path.name} cannot be read: {error.strerror}") from None
    except pyrage.DecryptError:
        raise CredentialError(f"{path.name} cannot be opened with this key") from None
    try:
        found: Any = tomllib.loads(plain.decode("utf-8")).get(key)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        plain = b""
        raise CredentialError(f'{path.name} must hold lines like {key} = "..."') from None
    plain = b""  # no traceback with its variables may show the other secrets
    if not isinstance(found, str):
        raise CredentialError(f"{path.name} holds no text named '{key}'")
    return found


def _identities(path: Path, identity: Path | None) -> list[Any]:
    pyrage: Any = importlib.import_module("pyrage")  # it has no types

    if identity is None:
        raise CredentialError(
            f"{path.name} needs an age identity: set HANDOVER_AGE_IDENTITY to its file, or age_identity in msp.toml"
        )
    try:
        lines = identity.read_text("utf-8").splitlines()
        return [
            pyrage.x25519.Identity.from_str(line.strip())
            for line in lines
            if line.strip().startswith("AGE-SECRET-KEY-")
        ]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError):
        raise CredentialError(f"the age identity file {identity.name} cannot be read") from None


def _from_keyring(service: str, user: str) -> str:
    try:
        keyring: Any = importlib.import_module("keyring")
        errors: Any = importlib.import_module("keyring.errors")
    except ImportError:
        raise CredentialError("the optional part 'keyring' is not installed") from None
    try:
        found = keyring.get_password(service, user)
    except errors.KeyringError:
        raise CredentialError(f"the keyring would not open service '{service}'") from None
    if found is None:
        raise CredentialError(f"the keyring has no entry for service '{service}', user '{user}'")
    return str(found)


def _from_command(account: str, line: str, folder: Path, environ: Mapping[str, str]) -> str:
    """First line of what *line* prints; no shell, no standard input, its messages are not repeated."""
    try:
        argv = shlex.split(line)
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            cwd=folder,
            env=environ,
        )
        text = done.stdout[:_MAX].decode("utf-8")
    except subprocess.TimeoutExpired:
        raise CredentialError(f"account '{account}': its command took over 60 s") from None
    except (OSError, ValueError):
        raise CredentialError(f"account '{account}': its command cannot be run or read") from None
    if code := done.returncode:
        del done, text
        raise CredentialError(f"account '{account}': its command ended with exit code {code}")
    return text.splitlines()[0] if text else ""
