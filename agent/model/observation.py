"""`Observation`: one thing one probe saw on one subject; append-only, never edited.

Its id is deterministic and leaves out clocks and volatile fields, so that a resumed or repeated run collapses onto it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from agent.model import (
    bodies_console,
    bodies_directory,
    bodies_endpoint,
    bodies_nps,
    bodies_services,
    bodies_snmp,
    bodies_told,
    bodies_udp,
)
from agent.model.base import Id, M, Us, hash_id
from agent.model.bodies import KINDS, Body
from agent.model.ref import Ref

Standing = Literal["direct", "reported", "claimed"]
_REGISTERED = (
    bodies_console,
    bodies_directory,
    bodies_endpoint,
    bodies_nps,
    bodies_services,
    bodies_snmp,
    bodies_told,
    bodies_udp,
)
"""Modules that add to `KINDS`: a stored run must be readable whoever reads it."""


def _load_body(value: Any) -> Any:
    if isinstance(value, Body):
        return value
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        kind = value.get("kind") if isinstance(value, dict) else type(value).__name__
        raise ValueError(f"unknown kind of observation: {kind!r}")
    rest: dict[str, Any] = {k: v for k, v in value.items() if k != "kind"}
    return KINDS[value["kind"]].model_validate(rest)


def _dump_body(body: Body) -> dict[str, Any]:
    # A bare base class would lose its fields when written; the kind goes beside them.
    return {"kind": body.kind, **body.plain()}


AnyBody = Annotated[Body, BeforeValidator(_load_body), PlainSerializer(_dump_body)]


class Blob(M):
    """A stored raw answer: the hash is of the *redacted* bytes; `stored` < `size` says that it was cut."""

    sha256: str
    size: int = Field(ge=0)
    stored: int = Field(ge=0)
    redactions: tuple[str, ...] = ()


class Observation(M):
    """One sight. `at` UTC microseconds, `mono` microseconds of the run's monotonic clock; `account` is a handle's name, never a secret."""

    id: Id
    probe: str
    probe_rev: int
    unit: str
    subject: Ref
    via: Ref | None = None
    standing: Standing
    channel: str
    account: str | None = None
    at: Us
    mono: int
    body: AnyBody
    raw: tuple[Blob, ...] = ()

    def plain(self) -> dict[str, Any]:
        # The body knows its own plain form: of a long table it is made here once, not a second time cell by cell.
        return {**self.model_dump(mode="json", exclude={"body"}), "body": _dump_body(self.body)}


def observation_id(
    key: bytes, probe: str, probe_rev: int, unit: str, subject: Ref, via: Ref | None, body: Body
) -> str:
    """Identity of a sight under the engagement's *key*; neither clock nor raw bytes take part."""
    named = (str(subject), str(via) if via else "")
    return hash_id(probe, probe_rev, unit, body.kind, *named, body.stable(), key=key)


class Sighting(M):
    """The same observation seen again, so that "newest" survives A, B, A."""

    id: Id
    at: Us
    mono: int
