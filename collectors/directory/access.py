"""How a domain is entered: verified TLS first, then one try of the account, and what each refusal means.

The password leaves only where the controller's certificate was verified for the name it goes by (LDAPS, else StartTLS), and once: every
refusal, whatever the method, bars the account until a person says otherwise (`agent.engagement.attempts`). Codes of a refused bind:
[MS-ERREF] 2.2 in the hexadecimal form `data 52e` Active Directory adds to its words.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from agent.contract import Context, DomainAccounts, Emit, Refused, Stream, Trust
from agent.model.bodies_directory import AccessOutcome
from collectors.directory.client import Ldap, LdapError, Result

LDAPS, LDAP = 636, 389
CONNECT_S, TLS_S = 5.0, 10.0
STRONGER, INVALID = 8, 49
"""strongerAuthRequired and invalidCredentials (RFC 4511, appendix A)."""
_DATA = re.compile(r"\bdata ([0-9a-f]{3,8})\b", re.IGNORECASE)
_MEANS: dict[str, AccessOutcome] = {
    "525": "no_such_account",
    "52e": "wrong_password",
    "530": "not_now",
    "531": "not_here",
    "532": "password_expired",
    "533": "disabled",
    "701": "account_expired",
    "773": "must_change",
    "775": "locked",
    "80090346": "channel_binding",
}
PLAIN_WORDS: dict[AccessOutcome, str] = {
    "wrong_password": "user name or password is wrong",
    "no_such_account": "there is no such user",
    "not_now": "the account may not log on at this hour",
    "not_here": "the account may not log on from this machine",
    "password_expired": "its password has expired",
    "disabled": "the account is disabled",
    "account_expired": "the account has expired",
    "must_change": "its password must be changed at first logon",
    "locked": "the account is locked",
    "strong_auth": "the controller wants signing or sealing",
    "channel_binding": "the controller wants channel binding (LdapEnforceChannelBinding)",
    "refused": "the controller refused it",
    "certificate": "its certificate could not be verified; nothing was sent. Give its authority or fingerprint as `ca` of the account",
    "no_tls": "the controller offers neither LDAPS nor StartTLS; a password is not sent in the clear",
    "unreachable": "no controller answered",
    "broken": "the controller's answer could not be read",
}


@dataclass(frozen=True)
class Miss:
    """Why nobody got in."""

    outcome: AccessOutcome
    code: str = ""

    def __str__(self) -> str:
        return PLAIN_WORDS[self.outcome] + (f" ({self.code})" if self.code else "")


@dataclass(frozen=True)
class Session:
    """A domain that let us in."""

    ldap: Ldap
    how: Literal["ldaps", "starttls"]
    account: str
    user: str


async def protected(
    ctx: Context, emit: Emit, host: str, name: str, trust: Trust
) -> tuple[Ldap, Literal["ldaps", "starttls"]] | Miss:
    """A connection to controller *name* at *host* that nobody else can be at the end of. Raises `OutOfScope`."""
    worst: Miss | None = None
    for port in (LDAPS, LDAP):
        try:
            stream = await ctx.dial.connect(host, port, timeout_s=CONNECT_S, emit=emit)
        except (OSError, TimeoutError):
            continue
        with_tls = False
        try:
            done = await _tls(stream, port, name, trust)
            with_tls = isinstance(done, Ldap)
        finally:
            if not with_tls:
                await stream.close()
        if isinstance(done, Ldap):
            return done, "ldaps" if port == LDAPS else "starttls"
        if done.outcome == "certificate":
            return done
        worst = worst or done
    return worst or Miss("unreachable")


async def _tls(stream: Stream, port: int, name: str, trust: Trust) -> Ldap | Miss:
    ldap = Ldap(stream)
    try:
        if port == LDAP and (await ldap.start_tls()).code:
            return Miss("no_tls")
        await stream.start_tls(name, TLS_S, trust=trust)
    except ssl.SSLCertVerificationError as error:
        return Miss("certificate", str(getattr(error, "verify_message", "") or error)[:120])
    except ssl.SSLError as error:
        return Miss(
            "certificate" if trust.authority else "no_tls", str(error.reason or "TLS")[:120]
        )
    except LdapError as error:
        return Miss("broken", error.words)
    except (OSError, TimeoutError):
        return Miss("no_tls")
    return ldap


async def enter(
    ctx: Context, emit: Emit, host: str, name: str, domain: str, account: str
) -> Session | Miss:
    """Try *account* once in *domain*. Raises `Refused` where it was refused before, `OutOfScope`, `CredentialError`."""
    accounts = ctx.accounts
    if not isinstance(accounts, DomainAccounts):
        raise Refused("accounts cannot be used here")
    trust = await asyncio.to_thread(accounts.authority, account)
    opened = await protected(ctx, emit, host, name, trust)
    if isinstance(opened, Miss):
        return opened
    ldap, how = opened
    user = accounts.user(account)
    kept = False
    try:
        miss = await _bind(accounts, account, ldap, user, domain)
        if miss is not None:
            return miss
        kept = True
    finally:
        if not kept:
            await ldap.close()
    return Session(ldap, how, account, user)


async def _bind(
    accounts: DomainAccounts, account: str, ldap: Ldap, user: str, domain: str
) -> Miss | None:
    with ExitStack() as held:
        # It may ask a person, or start a program; and a try is on the disk before it is made: not in the loop's thread.
        secret = await asyncio.to_thread(held.enter_context, accounts.lend(account))
        word = secret.reveal()
        if not user or not word:
            # RFC 4513, 5.1.2: a name without a password binds as nobody and looks like a success.
            return Miss("refused", "user or password is empty")
        attempt = await asyncio.to_thread(held.enter_context, accounts.try_once(account, domain))
        try:
            result = await ldap.bind(user, word)
        except (LdapError, OSError, TimeoutError) as error:
            # It may have reached the controller: it counts.
            words = error.words if isinstance(error, LdapError) else "no answer to the bind"
            await asyncio.to_thread(partial(attempt.refused, words))
            return Miss("broken", words)
        miss = meaning(result)
        if miss is None:
            await asyncio.to_thread(attempt.accepted)
        else:
            await asyncio.to_thread(partial(attempt.refused, str(miss)))
        return miss


def meaning(result: Result) -> Miss | None:
    """What the answer to a bind says; None: we are in."""
    if result.code == 0:
        return None
    if result.code == STRONGER:
        return Miss("strong_auth")
    found = _DATA.search(result.words)
    code = found[1].lower() if found else ""
    if result.code == INVALID:
        return Miss(_MEANS.get(code, "wrong_password" if not code else "refused"), code)
    return Miss(_MEANS.get(code, "refused"), code or str(result.code))
