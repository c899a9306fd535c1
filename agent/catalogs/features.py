"""Where the signs of the device catalogue are read: fields of observations, by the table `features.toml`.

Tolerant on purpose: a row whose kind or field does not exist reads nothing, so that entries may be written ahead of a probe; a test
lists the rows that wait.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, Field

from agent.model.base import M
from agent.model.bodies import KINDS, Body

TEXT_LIMIT = 512
"""Characters of one sign that are looked at: what matters stands in front, and hostile text is long."""
ITEM_LIMIT = 256
"""Items of one list that are looked at."""


class FeatureCatalogueError(ValueError):
    """A row contradicts itself; the message names it."""


class Feature(M):
    """One place to read. `field` may walk into a mapping, a nested body or a list of pairs: `txt.model`; several fields, with a
    space between, are read as one text.

    `reader`: the inventory makes the text (`maker` of a MAC, `port_set` of an address) instead of taking the field as it is. `joined`: a
    list is one text, with commas, because its order tells.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")
    kind: str
    field: str
    voice: str
    voice_of: str | None = None
    weak: bool = False
    only: dict[str, tuple[str, ...]] = {}
    reader: Literal["maker", "port_set"] | None = None
    joined: bool = False

    def texts(self, body: Body) -> Iterator[str]:
        """The texts *body* holds at this place, cut to `TEXT_LIMIT`; nothing where it is of another kind or fails `only`."""
        if body.kind != self.kind or self.reader is not None:
            return
        for other, wanted in self.only.items():
            if not any(v in wanted for v in _walk(body, (other,))):
                return
        fields = self.field.split()
        if len(fields) > 1:
            words = (next(_walk(body, tuple(f.split("."))), "") for f in fields)
            found: Iterable[str] = (" ".join(w for w in words if w.strip()),)
        else:
            found = _walk(body, tuple(self.field.split(".")))
        if self.joined:
            found = (",".join(islice(found, ITEM_LIMIT)),)
        for text in islice(found, ITEM_LIMIT):
            if text.strip():
                yield text[:TEXT_LIMIT]

    def voice_in(self, body: Body) -> str:
        """Whose voice this is: with `voice_of`, that field tells several apart."""
        if self.voice_of is None:
            return self.voice
        own = next(_walk(body, (self.voice_of,)), "")
        return f"{self.voice}/{own}"

    @property
    def waits(self) -> bool:
        """True while no probe's body has this kind and field."""
        body = KINDS.get(self.kind)
        heads = {f.split(".")[0] for f in self.field.split()}
        return body is None or not heads <= body.model_fields.keys()


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Every text at *path* of *value*: fields of models, keys of mappings, items of lists, values of (key, value) pairs."""
    if isinstance(value, list | tuple):
        items: Iterable[Any] = value
        for item in items:
            if path and _is_pair(item):
                if str(item[0]).lower() == path[0].lower():
                    yield from _walk(item[1], path[1:])
            else:
                yield from _walk(item, path)
    elif isinstance(value, BaseModel) and path:
        yield from _walk(getattr(value, path[0], None), path[1:])
    elif isinstance(value, Mapping) and path:
        entries: Mapping[Any, Any] = value
        for key, item in entries.items():
            if str(key).lower() == path[0].lower():
                yield from _walk(item, path[1:])
    elif isinstance(value, str) and path:
        key, equals, rest = value.partition("=")
        if equals and key.lower() == path[0].lower():
            yield from _walk(rest, path[1:])
    elif value is not None and not path and not isinstance(value, BaseModel | Mapping):
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _is_pair(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)


@cache
def load_features() -> tuple[Feature, ...]:
    """All rows. Raises `FeatureCatalogueError` where two rows of one name differ in `weak` or a row is broken."""
    try:
        raw = tomllib.loads((files("agent.catalogs") / "features.toml").read_text("utf-8"))
        rows = tuple(Feature.model_validate(r) for r in raw["feature"])
    except (ValueError, KeyError) as fault:
        raise FeatureCatalogueError(f"features.toml: {fault}") from fault
    weak: dict[str, bool] = {}
    for row in rows:
        if weak.setdefault(row.name, row.weak) is not row.weak:
            raise FeatureCatalogueError(f"features.toml: {row.name}: weak in one row only")
    return rows


@cache
def features_of(kind: str) -> tuple[Feature, ...]:
    """The rows that read bodies of *kind* as they are."""
    return tuple(f for f in load_features() if f.kind == kind and f.reader is None)


@cache
def names() -> frozenset[str]:
    return frozenset(f.name for f in load_features())


@cache
def weak_names() -> frozenset[str]:
    """Features that are hints whatever they say."""
    return frozenset(f.name for f in load_features() if f.weak)


@cache
def voice_of_feature(name: str) -> str:
    """The voice of a feature that has only one (`oui`, `ports`). Raises `KeyError`."""
    return {f.name: f.voice for f in load_features()}[name]
