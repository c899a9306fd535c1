"""Answers to the checklist: what may be answered, and the change it makes. Pure but for the clock of the caller."""

from __future__ import annotations

import re
from datetime import date

from agent.catalogs.checklist import ChecklistEntry, load_checklist
from agent.engagement.problems import Refusal
from agent.model.answers import AcceptedRisk, Answers, ItemAnswer
from agent.model.base import Us
from agent.model.ref import Ref

_YES = {"yes": "yes", "y": "yes", "oui": "yes", "o": "yes", "no": "no", "n": "no", "non": "no"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[0-9 ().-]{5,30}")
_AMOUNT = re.compile(r"-?\d{1,15}([.,]\d{1,6})?(\s?[A-Za-z€$£]{1,4})?")


def item_of(item_id: str) -> ChecklistEntry:
    """The checklist item of that id. Raises `Refusal` (2)."""
    try:
        return load_checklist().item(item_id)
    except KeyError:
        raise Refusal(
            2,
            f"the checklist has no item '{item_id[:80]}'",
            "handover show ENG checklist lists them",
        ) from None


def checked(item: ChecklistEntry, value: str) -> str:
    """*value* in the form the item stores. Raises `Refusal` (2) with what is expected."""
    value = value.strip()
    if not value:
        raise _wrong(item, "an empty answer says nothing", "leave it out, or --cannot-be-had")
    if item.mode != "intake":
        raise _wrong(
            item, f"is filled by {item.mode}, not by an answer", "--done ITEM for an action"
        )
    if item.answer == "choice":
        for choice in item.choices:
            if value.casefold() in (choice.value, choice.en.casefold(), choice.fr.casefold()):
                return choice.value
        raise _wrong(item, "takes one of " + ", ".join(c.value for c in item.choices), "")
    if item.answer == "yesno":
        if value.casefold() not in _YES:
            raise _wrong(item, "takes yes or no", "")
        return _YES[value.casefold()]
    if item.answer == "date":
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise _wrong(item, "takes a date", "such as 2026-11-24") from None
    patterns = {
        "email": (_EMAIL, "an e-mail address", "such as c.martin@client.example"),
        "phone": (_PHONE, "a telephone number", "such as +33 5 36 49 01 02"),
        "number": (re.compile(r"-?\d{1,15}"), "a whole number", "such as 12"),
        "money": (_AMOUNT, "an amount", "such as 1200.50 EUR"),
    }
    if item.answer in patterns:
        pattern, what, example = patterns[item.answer]
        if not pattern.fullmatch(value):
            raise _wrong(item, f"takes {what}", example)
    if item.answer == "table":
        return _table(item, value)
    return value


def _table(item: ChecklistEntry, value: str) -> str:
    """Rows on lines, cells between `|`, in the order of the item's columns."""
    rows = [[c.strip() for c in line.split("|")] for line in value.splitlines() if line.strip()]
    wide = [row for row in rows if len(row) > len(item.columns)]
    if wide:
        names = " | ".join(c.id for c in item.columns)
        raise _wrong(item, f"has {len(item.columns)} columns: {names}", "")
    return "\n".join(" | ".join(row) for row in rows)


def answered(answers: Answers, item: ChecklistEntry, value: str, by: str, at: Us) -> Answers:
    """*answers* with *value* given to *item* by a person. Raises `Refusal` (2)."""
    old = answers.items.get(item.id)
    new = ItemAnswer(answer=checked(item, value), state="answered", by=person(by), at=at)
    return _with(answers, item, _kept(old, new))


def decided(
    answers: Answers, item: ChecklistEntry, state: str, by: str, at: Us, why: str = ""
) -> Answers:
    """*item* set `cannot_be_had` or `not_applicable` by a person, who is named. Raises `Refusal` (2)."""
    new = ItemAnswer.model_validate(
        {"answer": why or None, "state": state, "by": person(by), "at": at}
    )
    return _with(answers, item, _kept(answers.items.get(item.id), new))


def done(answers: Answers, item: ChecklistEntry, line: str | None, by: str, at: Us) -> Answers:
    """*item*, an action, done; or the one *line* (`str(Ref)`) of an item filled by evidence. Raises `Refusal` (2)."""
    old = answers.items.get(item.id)
    if line is None:
        if item.mode != "action":
            raise _wrong(item, "is no action: a person ticks its lines one by one", "--line REF")
        return _with(answers, item, _kept(old, ItemAnswer(state="done", by=person(by), at=at)))
    if item.mode != "evidence":
        raise _wrong(item, "has no lines", "leave --line out")
    try:
        ref = str(Ref.parse(line))
    except ValueError:
        raise _wrong(
            item,
            "takes a line by its reference",
            "such as asset::0123...; show ENG checklist --json",
        ) from None
    lines = {**(old.lines if old else {}), ref: "done"}
    base = old or ItemAnswer(by=person(by), at=at)
    new = base.model_copy(update={"lines": lines, "by": person(by), "at": at})
    return _with(answers, item, new)


def risk_accepted(answers: Answers, finding: str, by: str, why: str, at: Us) -> Answers:
    """The finding of that key accepted by a person with a reason. Raises `Refusal` (2)."""
    if not re.fullmatch(r"[0-9a-f]{32}", finding):
        raise Refusal(
            2, "a finding is named by its key of 32 digits", "handover show ENG findings --json"
        )
    if not why.strip():
        raise Refusal(2, "an accepted risk needs its reason", "--why TEXT")
    risk = AcceptedRisk(finding=finding, by=person(by), at=at, why=why.strip())
    rest = tuple(r for r in answers.accepted if r.finding != finding)
    return answers.model_copy(update={"accepted": (*rest, risk)})


def person(by: str) -> str:
    """Who decides is named. Raises `Refusal` (2)."""
    if not by.strip():
        raise Refusal(2, "say who answers or decides", "--by NAME")
    return by.strip()


def _kept(old: ItemAnswer | None, new: ItemAnswer) -> ItemAnswer:
    """A new answer keeps owner, date due and ticked lines of the old one."""
    if old is None:
        return new
    return new.model_copy(update={"due": old.due, "owner": old.owner, "lines": old.lines})


def _with(answers: Answers, item: ChecklistEntry, answer: ItemAnswer) -> Answers:
    return answers.model_copy(update={"items": {**answers.items, item.id: answer}})


def _wrong(item: ChecklistEntry, what: str, step: str) -> Refusal:
    return Refusal(2, f"{item.id} {what}", step)
