"""The entries of a run's log, and how each is chained to the one before it.

`commitment = SHA-256(salt || payload)` and `hash = SHA-256(previous hash || canonical [seq, kind, commitment])`. The log holds only
commitments; salt and payload lie beside it and can be erased (a person's data) while the chain still verifies. The salt, 32 random
bytes, keeps anybody from guessing a short erased value by trying.
"""

from __future__ import annotations

import hashlib

from pydantic import Field

from agent.model.base import Id, M, Us, canonical
from agent.model.run import SessionFacts

GENESIS = bytes(32)
"""What the first entry is chained to."""
SALT_SIZE = 32
HASH_SIZE = 32

HEADER = "header"
SESSION = "session"
PLAN = "plan"
LEDGER = "ledger"
OBSERVATION = "observation"
SIGHTING = "sighting"
STATUS = "status"
END = "end"
SIGNATURE = "signature"
PURGE = "purge"
KINDS = (HEADER, SESSION, PLAN, LEDGER, OBSERVATION, SIGHTING, STATUS, END, SIGNATURE, PURGE)
ERASABLE = frozenset({PLAN, LEDGER, OBSERVATION, SIGHTING, STATUS})
"""What may name a person. The others say who audited under which mandate, and hold the proof together."""


class SessionStart(M):
    """A run taken up again, chained to the head it found. Session 0 starts with the run's header instead.

    `recovered`: what was noticed about the file: `wal-missing`, `wal-tail` (bytes beyond the last whole commit), `salvaged`.
    """

    session: int = Field(ge=1)
    started: Us
    public_key: str
    previous_head: str
    recovered: tuple[str, ...] = ()
    facts: SessionFacts | None = None


class Signature(M):
    """Ed25519 (RFC 8032) by the session's key over the canonical form of all other fields; last entry of a session.

    `head` is the hash of the entry before this one; `entries` how many there are up to it, `counts` by kind. `plan_sha256` is over
    the commitments of the plan, so that it can still be checked after an erasure.
    """

    session: int = Field(ge=0)
    public_key: str
    run_id: str
    engagement: Id
    scope_sha256: str
    plan_sha256: str
    tool_version: str
    catalogues_sha256: str
    client_toml_sha256: str
    mandate_sha256: str
    entries: int = Field(ge=0)
    counts: dict[str, int]
    head: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        return canonical(self.model_dump(mode="json", exclude={"signature"}))


class Purge(M):
    """Values erased from the file: how many, which entries (ranges, both ends included), why. Never what they were."""

    at: Us
    reason: str
    erased: int = Field(ge=1)
    entries: tuple[tuple[int, int], ...]
    public_key: str


def commitment(salt: bytes, payload: bytes) -> bytes:
    """What the log says of *payload*."""
    return hashlib.sha256(salt + payload).digest()


def link(previous: bytes, seq: int, kind: str, commit: bytes) -> bytes:
    """Hash of entry *seq*, chained to *previous*."""
    return hashlib.sha256(previous + canonical([seq, kind, commit.hex()])).digest()
