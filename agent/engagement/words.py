"""Turns what pydantic found wrong into `Problem`s a technician understands. The value that was typed is never repeated."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from agent.engagement.problems import EngagementError, Problem
from agent.engagement.toml_source import Loc, TomlFile

T = TypeVar("T", bound=BaseModel)
_WORDS = {
    "missing": "is missing",
    "string_type": "must be text between quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "bool_type": "must be true or false, without quotes",
    "tuple_type": "must be a list between square brackets",
    "dict_type": "must be a table between braces",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}
_SECRET_WORDS = ("pass", "pwd", "secret", "token", "community", "psk", "mdp", "mot_de_passe")


def parse(model: type[T], file: TomlFile, extra: Iterator[Problem] | None = None) -> T:
    """*file* as *model*. Raises `EngagementError` with every mistake, those of *extra* (checks across keys) included."""
    result, problems = _validated(model, file)
    problems += extra or ()
    if result is None or problems:
        # Raised here, where no variable holds what was typed.
        raise EngagementError(sorted(problems, key=lambda p: (p.line or 0, p.key)))
    return result


def _validated(model: type[T], file: TomlFile) -> tuple[T | None, list[Problem]]:
    try:
        return model.model_validate(dict(file.data)), []
    except ValidationError as error:
        return None, [
            _problem(model, file, e["type"], e["loc"], e["msg"], e.get("input"))
            for e in error.errors(include_url=False)
        ]


def dotted(loc: Loc) -> str:
    """`site[0].networks[1].use` for the path of a key. Counts as people do not: from 0, as the lines beside it show the place."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _problem(
    model: type[BaseModel], file: TomlFile, kind: str, loc: Loc, message: str, typed: object
) -> Problem:
    key = dotted(loc)
    line = file.line(loc)
    name = str(loc[-1])
    parent = _type_at(model, loc[:-1])
    if kind == "extra_forbidden":
        return Problem(file.path.name, _unknown(parent, name), key, line, _like(parent, name))
    if kind == "literal_error":
        return Problem(
            file.path.name, _choice(_type_at(model, loc), typed), key, line, _example(model, loc)
        )
    cause = message if kind == "handover" else _WORDS.get(kind, "has the wrong form")
    return Problem(file.path.name, cause, key, line, _example(model, loc))


def _unknown(parent: object, name: str) -> str:
    if any(word in name.lower() for word in _SECRET_WORDS):
        return (
            "no such key, and a secret is never written in this file: say where it is kept with "
            "`secret`; what stands here now must be taken out and changed"
        )
    close = difflib.get_close_matches(name, _keys(parent), n=1, cutoff=0.6)
    if close:
        return f"no such key; did you mean `{close[0]}`?"
    return f"no such key here; there are: {', '.join(_keys(parent))}"


def _like(parent: object, name: str) -> str:
    if any(word in name.lower() for word in _SECRET_WORDS):
        return 'secret = "env:HANDOVER_AD"'
    close = difflib.get_close_matches(name, _keys(parent), n=1, cutoff=0.6)
    return _field_example(parent, close[0]) if close else ""


def _choice(kind: object, typed: object) -> str:
    choices = [str(c) for c in get_args(kind)]
    close = difflib.get_close_matches(typed.lower(), choices, n=1) if isinstance(typed, str) else []
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"must be one of {', '.join(choices)}{hint}"


def _example(model: type[BaseModel], loc: Loc) -> str:
    """The example of the innermost named key on the way to *loc*."""
    for end in range(len(loc), 0, -1):
        part = loc[end - 1]
        if isinstance(part, str):
            found = _field_example(_type_at(model, loc[: end - 1]), part)
            if found:
                return found
    return ""


def _field_example(parent: object, key: str) -> str:
    if not _is_model(parent):
        return ""
    for name, field in parent.model_fields.items():  # type: ignore[attr-defined]
        if key == (field.alias or name):
            extra = field.json_schema_extra
            return str(extra.get("example", "")) if isinstance(extra, Mapping) else ""
    return ""


def _keys(parent: object) -> list[str]:
    if not _is_model(parent):
        return []
    return [f.alias or n for n, f in parent.model_fields.items()]  # type: ignore[attr-defined]


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _type_at(kind: Any, loc: Loc) -> Any:
    """Type of what stands at *loc* inside *kind*; None where the path leads nowhere."""
    kind = _bare(kind)
    if not loc:
        return kind
    first, rest = loc[0], loc[1:]
    if _is_model(kind):
        for name, field in kind.model_fields.items():
            if first in (field.alias or name, name):
                return _type_at(field.annotation, rest)
        return None
    if get_origin(kind) is tuple:
        return _type_at(get_args(kind)[0], rest)
    if get_origin(kind) is dict:
        return _type_at(get_args(kind)[1], rest)
    return None


def _bare(kind: Any) -> Any:
    """Without `Annotated` and without `| None`."""
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
        elif origin in (Union, UnionType):
            rest = [a for a in get_args(kind) if a is not type(None)]
            if len(rest) != 1:
                return kind
            kind = rest[0]
        else:
            return kind
