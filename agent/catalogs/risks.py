"""The risk rules as data: what makes a finding, how bad it is, what to do about it, in English and French, each with its sources.

For the judge (`when` conditions or the name of a function in `agent.judgement`), the reports (texts) and the generic test, which proves
that each example triggers its own rule and each counter-example does not. Findings hold parameters only; texts take them as `%(name)s`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from agent.catalogs.checklist import CatalogueError, Text
from agent.model import bodies_services
from agent.model.asset import DEVICE_CLASSES
from agent.model.base import M, Permille
from agent.model.bodies import KINDS
from agent.model.finding import Severity

_REGISTERED = (bodies_services,)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _pattern(value: str) -> str:
    try:
        re.compile(value, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


def _classes(values: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [v for v in values if v not in DEVICE_CLASSES]:
        # A misspelt class would match nothing and look like "none here".
        raise ValueError(f"no such device class: {', '.join(wrong)}")
    return values


Pattern = Annotated[str, AfterValidator(_pattern)]
Classes = Annotated[tuple[str, ...], AfterValidator(_classes)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


class When(M):
    """One way for a rule to hold at an open service; everything given must be true. Patterns ignore case and are searched for.

    `login`: the page asks who you are (401, realm, title of a log-in). `management`: the page or the class of the device is one by which
    a device is administered. `without_ports`: none of these is open on the same asset. `expires_within_days` leaves out what has
    expired already. `facts`: kind of observation -> field -> the value it must have, seen at that very port (a text is a pattern).
    `params` are constants for the texts, `severity` overrides the rule's.
    """

    ports: tuple[PortNumber, ...] = ()
    protocols: tuple[str, ...] = ()
    classes: Classes = ()
    not_classes: Classes = ()
    without_ports: tuple[PortNumber, ...] = ()
    banner: Pattern | None = None
    not_banner: Pattern | None = None
    title: Pattern | None = None
    server: Pattern | None = None
    realm: Pattern | None = None
    page_tls: bool | None = None
    redirects_outside: bool = False
    login: bool = False
    management: bool = False
    certificate_subject: Pattern | None = None
    certificate_issuer: Pattern | None = None
    signature: Pattern | None = None
    tls_version: Pattern | None = None
    expired: bool = False
    expires_within_days: int | None = Field(default=None, ge=1, le=3650)
    self_signed: bool | None = None
    key_type: Pattern | None = None
    key_bits_below: int | None = None
    facts: dict[str, dict[str, bool | int | str]] = {}
    params: dict[str, str] = {}
    severity: Severity | None = None
    conf: Permille | None = None

    @model_validator(mode="after")
    def _facts_exist(self) -> When:
        for kind, fields in self.facts.items():
            known = KINDS[kind].model_fields if kind in KINDS else {}
            if wrong := [f for f in fields if f not in known]:
                # A misspelt field would never hold and look like "not found".
                raise ValueError(f"no such fact: {kind}.{wrong[0]}")
            for value in fields.values():
                if isinstance(value, str):
                    _pattern(value)
        return self

    @model_validator(mode="after")
    def _not_empty(self) -> When:
        selecting = self.model_fields_set - {"params", "severity", "conf", "not_classes"}
        if not selecting:
            raise ValueError("a condition without a condition would hold everywhere")
        return self


class Reference(M):
    """Where the claim comes from: a standard, a guide, a vendor's page."""

    title: str = Field(min_length=3)
    url: str = Field(pattern=r"^https://\S+$")


class Sight(M):
    """One observation of an example: `body` is a kind of `agent.model.bodies` with its fields.

    Times of certificates are written as days from now: `expires_in_days`.
    """

    kind: str
    body: dict[str, Any] = {}
    expires_in_days: int = 365

    @model_validator(mode="after")
    def _kind_exists(self) -> Sight:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of observation: {self.kind!r}")
        return self


class ExampleHost(M):
    """A host of an example. `device_class` and `presence` are what the inventory would have concluded."""

    device_class: str = "unknown"
    presence: Literal["live", "known_unseen", "claimed", "unseen"] = "live"
    sights: tuple[Sight, ...] = ()


class Example(M):
    """A small world in which a rule holds, or must not."""

    note: str = ""
    hosts: tuple[ExampleHost, ...] = Field(min_length=1)


class Rule(M):
    """One risk. `subject` is what a finding names; exactly one of `when` (any of them) and `judge` (a function) decides.

    `feeds` are the kinds of observation the rule lives on. `today`: worth one of the five lines of page one.
    `before`: rules whose findings on the same device are dealt with after those of this one, however sure they are.
    `names_tool`: the parameter `product` is a remote tool, which a provider may be known to use.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    rev: int = Field(default=1, ge=1)
    severity: Severity
    conf: Permille = 900
    subject: Literal["asset", "service"]
    feeds: tuple[str, ...] = Field(min_length=1)
    who: Literal["technician", "account_manager", "client", "counsel"] = "technician"
    today: bool = True
    before: tuple[str, ...] = ()
    names_tool: bool = False
    title: Text
    risk: Text
    remediation: Text
    references: tuple[Reference, ...] = Field(min_length=1)
    when: tuple[When, ...] = ()
    judge: str | None = None
    examples: tuple[Example, ...] = Field(min_length=1)
    not_examples: tuple[Example, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Rule:
        if bool(self.when) == (self.judge is not None):
            raise ValueError("either when or judge decides, not both, not neither")
        if self.when and self.subject != "service":
            raise ValueError("conditions are about services: subject = 'service'")
        if wrong := [k for k in self.feeds if k not in KINDS]:
            raise ValueError(f"no such kind of observation: {', '.join(wrong)}")
        for text in (self.title, self.risk, self.remediation):
            if placeholders(text.en) != placeholders(text.fr):
                raise ValueError(f"placeholders differ between the languages: {text.en!r}")
            for language in (text.en, text.fr):
                # A lone % would break the report, not the test, if it were found only when printed.
                if "%" in _PLACEHOLDER.sub("", language).replace("%%", ""):
                    raise ValueError(f"write %% for a per cent sign: {language!r}")
        return self

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the parameters that the texts need."""
        return frozenset().union(
            *(placeholders(t.en) for t in (self.title, self.risk, self.remediation))
        )


class Management(M):
    """How a page by which a device is administered is recognised."""

    classes: Classes
    title: Pattern
    login: Pattern


class Risks(M):
    """All rules, in the order of the files."""

    management: Management
    rules: tuple[Rule, ...]

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {r.id: r for r in self.rules}

    def rule(self, id_: str) -> Rule:
        """The rule named *id_*. Raises `KeyError`."""
        return self._by_id[id_]

    def __contains__(self, id_: object) -> bool:
        return id_ in self._by_id

    @model_validator(mode="after")
    def _once(self) -> Risks:
        if len(self._by_id) != len(self.rules):
            raise ValueError("two rules have the same id")
        if wrong := {b for r in self.rules for b in r.before} - self._by_id.keys():
            raise ValueError(f"before: no such rule: {', '.join(sorted(wrong))}")
        return self


def placeholders(text: str) -> frozenset[str]:
    """Names of the `%(name)s` in *text*."""
    return frozenset(_PLACEHOLDER.findall(text))


def fill(text: Text, language: str, params: Mapping[str, str | int]) -> str:
    """*text* in *language* with its parameters; one that is missing is shown by its name, as a report must always be made."""
    return text.in_(language) % _Shown({k: str(v) for k, v in params.items()})


class _Shown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"[{key}]"


@cache
def load_risks() -> Risks:
    """The rules shipped with this version. Raises `CatalogueError` where the data is wrong."""
    found = [
        f for f in files("agent.catalogs").iterdir() if re.fullmatch(r"risks_\w+\.toml", f.name)
    ]
    return parse_risks({f.name: f.read_text("utf-8") for f in found})


def parse_risks(sources: Mapping[str, str]) -> Risks:
    """The rules written in *sources* (file name -> TOML text), in the order of their names. Raises `CatalogueError`."""
    rules: list[Rule] = []
    management: dict[str, Any] = {}
    for name in sorted(sources):
        data = read_toml(name, sources[name], ("rule", "management"))
        management.update(data.get("management", {}))
        rules.extend(_rules(name, data.get("rule", [])))
    try:
        return Risks(management=Management(**management), rules=tuple(rules))
    except ValidationError as error:
        raise CatalogueError(f"risks: {first_fault(error)}") from None


def _rules(name: str, rows: Iterable[dict[str, Any]]) -> Iterable[Rule]:
    for row in rows:
        try:
            yield Rule.model_validate(row)
        except ValidationError as error:
            raise CatalogueError(f"{name}: {row.get('id')}: {first_fault(error)}") from None


def read_toml(name: str, text: str, tables: Iterable[str]) -> dict[str, Any]:
    """Parsed TOML that holds *tables* only. Raises `CatalogueError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{name}: {error}") from None
    if wrong := sorted(set(data) - set(tables)):
        raise CatalogueError(f"{name}: unknown table {wrong[0]!r}")
    return data


def first_fault(error: ValidationError) -> str:
    """Place and words of the first fault of *error*."""
    one = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(p) for p in one["loc"])
    return f"{where}: {one['msg']}" if where else one["msg"]
