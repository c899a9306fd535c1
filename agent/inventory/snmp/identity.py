"""What an agent's values say a device is, and why: one `Identity`, with the object each value was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Field = Literal["vendor", "type", "os", "model", "version", "serial"]
FIELDS: tuple[Field, ...] = ("vendor", "type", "os", "model", "version", "serial")


@dataclass(frozen=True, slots=True)
class Evidence:
    """`oid`: the object that decided; `text`: what it said, shortened; `rule`: the catalogue entry or the general rule that read it."""

    field: Field
    oid: str
    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Found:
    """A value, where it stands and how sure the rule is (permille)."""

    value: str
    oid: str
    text: str
    rule: str
    sure: int

    def evidence(self, field: Field) -> Evidence:
        return Evidence(field, self.oid, " ".join(self.text.split())[:160], self.rule)


@dataclass(frozen=True, slots=True)
class Identity:
    """Empty texts: not known. `confidence`: of the weakest value that is told, permille; `sure`: of each."""

    vendor: str = ""
    type: str = ""
    os: str = ""
    model: str = ""
    version: str = ""
    serial: str = ""
    confidence: int = 0
    sure: tuple[tuple[Field, int], ...] = ()
    evidence: tuple[Evidence, ...] = ()


def identity_of(found: dict[Field, Found]) -> Identity:
    """The values of *found* put together."""
    told: dict[Field, Found] = {f: found[f] for f in FIELDS if f in found}
    values: dict[str, str] = {f: v.value for f, v in told.items()}
    return Identity(
        **values,
        confidence=min((v.sure for v in told.values()), default=0),
        sure=tuple((f, v.sure) for f, v in told.items()),
        evidence=tuple(v.evidence(f) for f, v in told.items()),
    )
