"""The onboarding checklist as data: ten steps, their sections and items, read from `checklist_*.toml` beside this file.

For the judge (which evidence closes a line), the intake form (what to ask whom) and the reports (texts in English and French).
Every fault of the data is a `CatalogueError` when it is loaded, so that a misspelt class or dependency never becomes an empty line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from agent.catalogs.selector import Selector
from agent.model.base import M

T = TypeVar("T", bound=M)
Mode = Literal["evidence", "intake", "action"]
AnswerKind = Literal[
    "text",
    "longtext",
    "date",
    "money",
    "number",
    "choice",
    "person",
    "phone",
    "email",
    "yesno",
    "table",
    "file",
]
CellKind = Literal["text", "date", "money", "number", "phone", "email", "yesno"]
OwnerRole = Literal["technician", "account_manager", "client", "counsel"]
STEPS = range(1, 11)
SAME_IN_BOTH = frozenset({"Contact", "Date", "Type", "Site", "Source", "Circuit", "Question"})
"""Words that are spelt alike in English and French; any other equal pair is a text nobody translated."""
_FIELDS_OF: dict[Mode, frozenset[str]] = {
    "intake": frozenset({"answer", "choices", "columns", "prefill"}),
    "evidence": frozenset({"subjects", "asks", "rules", "confirm"}),
    "action": frozenset({"depends", "owner_role", "due_days", "verify"}),
}
_PREFILL_ROOTS = frozenset(
    {"client", "mandate", "takeover", "site", "former", "approved", "imports"}
)
# French sets a no-break space before high punctuation and inside guillemets; the files keep plain spaces, easier to type.
_FRENCH_BLANK = re.compile(r" (?=[:;?!»])|(?<=«) ")


class CatalogueError(ValueError):
    """The checklist data contradicts itself; the message names the file or the item."""


class Text(M):
    """One text in both languages."""

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)

    @field_validator("fr")
    @classmethod
    def _no_break(cls, value: str) -> str:
        return _FRENCH_BLANK.sub("\u00a0", value)

    @model_validator(mode="after")
    def _translated(self) -> Self:
        if self.en == self.fr and self.en not in SAME_IN_BOTH:
            raise ValueError(f"English and French are the same text: {self.en!r}")
        return self

    def in_(self, language: str) -> str:
        """The text in *language*, `fr` or (anything else) English."""
        return self.fr if language == "fr" else self.en


class Choice(Text):
    """One allowed answer: `value` is stored, the texts are shown."""

    value: str = Field(pattern=r"^[a-z0-9_]+$")


class Column(M):
    """One column of a table answer; `type` is what its cells hold."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    title: Text
    type: CellKind = "text"


class Step(M):
    """One of the ten steps; `help` says what it is for."""

    number: int = Field(ge=1, le=10)
    title: Text
    help: Text


class Section(M):
    """A titled group of items within a step."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    step: int = Field(ge=1, le=10)
    title: Text


class ChecklistEntry(M):
    """One item: what has to be known, asked or done, and what would prove it.

    `evidence`: a line for each member of `subjects`; a finding of `rules` opens it; it is clear when every question kind of `asks`
    was put strongly to the member and was answered or negative. With `confirm` no answer of a machine is enough: a person ticks
    the line. `intake`: a person answers; `prefill` is a dotted path in `client.toml`. `action`: a person does it, `due_days`
    after the start; `verify` names the evidence item which can show that it was done.
    """

    id: str = Field(pattern=r"^(10|[1-9])(\.[a-z0-9_]+)+$")
    step: int = Field(ge=1, le=10)
    section: str
    mode: Mode
    title: Text
    help: Text
    required: bool = False
    answer: AnswerKind | None = None
    choices: tuple[Choice, ...] = ()
    columns: tuple[Column, ...] = ()
    prefill: str | None = None
    subjects: str | None = None
    asks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    confirm: bool = False
    depends: tuple[str, ...] = ()
    owner_role: OwnerRole | None = None
    due_days: int | None = Field(default=None, ge=0, le=365)
    verify: str | None = None

    @cached_property
    def selector(self) -> Selector | None:
        """The parsed `subjects`; None where the item has none."""
        return Selector.parse(self.subjects) if self.subjects is not None else None

    @model_validator(mode="after")
    def _mode_fields(self) -> Self:
        if self.id.partition(".")[0] != str(self.step):
            raise ValueError(f"id {self.id!r} does not begin with its step {self.step}")
        foreign = {f for m, fs in _FIELDS_OF.items() if m != self.mode for f in fs}
        used = sorted(foreign & self.model_fields_set)
        if used:
            raise ValueError(f"{', '.join(used)} has no meaning in mode {self.mode}")
        if self.mode == "intake":
            self._check_intake()
        elif self.mode == "evidence":
            self._check_evidence()
        elif self.owner_role is None or self.due_days is None:
            raise ValueError("an action needs owner_role and due_days")
        return self

    def _check_intake(self) -> None:
        if self.answer is None:
            raise ValueError("an intake item needs the kind of its answer")
        if bool(self.choices) != (self.answer == "choice") or len(self.choices) == 1:
            raise ValueError("choices (two or more) go with answer = 'choice', and only with it")
        if bool(self.columns) != (self.answer == "table"):
            raise ValueError("columns go with answer = 'table', and only with it")
        _once("choice", (c.value for c in self.choices))
        _once("column", (c.id for c in self.columns))
        if self.prefill is not None and self.prefill.split(".")[0] not in _PREFILL_ROOTS:
            raise ValueError(f"prefill {self.prefill!r} does not lead into client.toml")

    def _check_evidence(self) -> None:
        if self.subjects is None:
            raise ValueError("an evidence item needs subjects: its lines")
        Selector.parse(self.subjects)
        if not self.asks and not self.confirm:
            # Without a question every line would be clear by default.
            raise ValueError("an evidence item needs asks, or confirm = true")
        for kind in self.asks:
            if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", kind):
                raise ValueError(f"not a question kind: {kind!r}")
        for rule in self.rules:
            if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule):
                raise ValueError(f"not a rule id: {rule!r}")


class Checklist(M):
    """The whole catalogue, in the order people work through it."""

    steps: tuple[Step, ...]
    sections: tuple[Section, ...]
    items: tuple[ChecklistEntry, ...]

    @cached_property
    def _by_id(self) -> dict[str, ChecklistEntry]:
        return {i.id: i for i in self.items}

    def item(self, id_: str) -> ChecklistEntry:
        """The item named *id_*. Raises `KeyError`."""
        return self._by_id[id_]

    def of_step(self, step: int) -> tuple[ChecklistEntry, ...]:
        return tuple(i for i in self.items if i.step == step)

    def of_section(self, section: str) -> tuple[ChecklistEntry, ...]:
        return tuple(i for i in self.items if i.section == section)

    @property
    def sla_gate(self) -> tuple[ChecklistEntry, ...]:
        """Items without which no SLA is drafted: answered, or accepted by a person as not to be had."""
        return tuple(i for i in self.items if i.step == 1 and i.required)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if [s.number for s in self.steps] != list(STEPS):
            raise ValueError("steps 1 to 10 must be there, once each and in order")
        _once("section", (s.id for s in self.sections))
        _once("item", (i.id for i in self.items))
        step_of = {s.id: s.step for s in self.sections}
        for i in self.items:
            if step_of.get(i.section) != i.step:
                raise ValueError(f"{i.id}: step {i.step} has no section {i.section!r}")
            missing = [d for d in i.depends if d not in self._by_id]
            if missing:
                raise ValueError(f"{i.id}: depends on {', '.join(missing)}, which is not there")
            if i.verify and getattr(self._by_id.get(i.verify), "mode", None) != "evidence":
                raise ValueError(f"{i.id}: verify = {i.verify!r} is no evidence item")
        filled = {i.section for i in self.items}
        empty = [s.id for s in self.sections if s.id not in filled]
        if empty or {i.step for i in self.items} != set(STEPS):
            raise ValueError(f"step or section without items: {', '.join(empty)}")
        try:
            TopologicalSorter({i.id: i.depends for i in self.items}).prepare()
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise ValueError(f"items depend on each other in a circle: {circle}") from None
        return self


@cache
def load_checklist() -> Checklist:
    """The catalogue shipped with this version. Raises `CatalogueError` where the data is wrong."""
    found = [
        f for f in files("agent.catalogs").iterdir() if re.fullmatch(r"checklist_\w+\.toml", f.name)
    ]
    return parse_checklist({f.name: f.read_text("utf-8") for f in found})


def parse_checklist(sources: Mapping[str, str]) -> Checklist:
    """The checklist written in *sources* (file name -> TOML text), taken in the order of their names.

    `depends = ["step.1"]` stands for every required item of step 1. Raises `CatalogueError`.
    """
    tables: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name in sorted(sources):
        try:
            data = tomllib.loads(sources[name])
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{name}: {error}") from None
        for key, rows in data.items():
            if key not in ("step", "section", "column", "item") or not (
                isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
            ):
                raise CatalogueError(f"{name}: unknown table {key!r}")
            tables.setdefault(key, []).extend((name, row) for row in rows)
    columns = {c.id: c for c in _models(Column, tables.get("column", []))}
    if len(columns) != len(tables.get("column", [])):
        raise CatalogueError("two columns have the same id")
    raw = tables.get("item", [])
    gates = {
        f"step.{n}": [r.get("id") for _, r in raw if r.get("step") == n and r.get("required")]
        for n in STEPS
    }
    items: list[tuple[str, dict[str, Any]]] = []
    for name, row in raw:
        entry = dict(row)
        if "columns" in entry:
            unknown = [c for c in entry["columns"] if c not in columns]
            if unknown:
                raise CatalogueError(f"{name}: {row.get('id')}: no column {', '.join(unknown)}")
            entry["columns"] = [columns[c] for c in entry["columns"]]
        if "depends" in entry:
            entry["depends"] = [x for d in entry["depends"] for x in gates.get(d, [d])]
        items.append((name, entry))
    try:
        return Checklist(
            steps=tuple(_models(Step, tables.get("step", []))),
            sections=tuple(_models(Section, tables.get("section", []))),
            items=tuple(_models(ChecklistEntry, items)),
        )
    except ValidationError as error:
        raise CatalogueError(_first(error)) from None


def _models(kind: type[T], rows: Iterable[tuple[str, dict[str, Any]]]) -> list[T]:
    made: list[T] = []
    for name, row in rows:
        try:
            made.append(kind.model_validate(row))
        except ValidationError as error:
            which = row.get("id", row.get("number", "?"))
            raise CatalogueError(f"{name}: {kind.__name__} {which}: {_first(error)}") from None
    return made


def _first(error: ValidationError) -> str:
    one = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(p) for p in one["loc"])
    return f"{where}: {one['msg']}" if where else one["msg"]


def _once(what: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise ValueError(f"{what} {id_!r} is there twice")
        seen.add(id_)
