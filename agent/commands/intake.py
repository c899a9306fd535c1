"""`handover intake ENG`: the form of the onboarding checklist. Every answer is on disk before the next question."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import EXIT_USAGE, Stop, engagement_argument, load

if TYPE_CHECKING:
    from agent.catalogs.checklist import ChecklistEntry
    from agent.engagement.engagement import Engagement
    from agent.model.answers import Answers

_SAY = {
    "en": {
        "left": "{n} questions left. Enter alone takes what stands in [ ]. Type . later, ! cannot be had, - not applicable, q stop.",
        "required": "needed before the SLA",
        "choices": "One of: {v}",
        "table": "One line a row, cells between |: {v}. Empty line ends.",
        "yesno": "yes or no",
        "saved": "Saved.",
        "whole": "All questions are answered.",
        "stop": "Stopped; {n} questions left. Answers are saved.",
        "who": "Who answers?",
    },
    "fr": {
        "left": (
            "{n} questions restantes. Entrée seule reprend ce qui est entre [ ]. "
            "Taper . plus tard, ! impossible à obtenir, - sans objet, q arrêter."
        ),
        "required": "nécessaire avant le contrat de service",
        "choices": "Au choix : {v}",
        "table": "Une ligne par entrée, cellules séparées par | : {v}. Ligne vide pour finir.",
        "yesno": "oui ou non",
        "saved": "Enregistré.",
        "whole": "Toutes les questions ont reçu une réponse.",
        "stop": "Arrêt ; il reste {n} questions. Les réponses sont enregistrées.",
        "who": "Qui répond ?",
    },
}


@click.command("intake")
@engagement_argument
@click.option(
    "--lang", type=click.Choice(["en", "fr"]), help="The client's language when left out."
)
@click.option("--step", type=click.IntRange(1, 10), help="Only this step.")
@click.option(
    "--set", "values", multiple=True, metavar="ITEM=VALUE", help="Answer without the form."
)
@click.option("--cannot-be-had", "no_way", multiple=True, metavar="ITEM", help="Accepted as such.")
@click.option("--not-applicable", "not_here", multiple=True, metavar="ITEM")
@click.option(
    "--done", "done_", multiple=True, metavar="ITEM", help="An action, or with --line one line."
)
@click.option("--line", metavar="REF", help="The line of --done: a device, an account.")
@click.option("--accept-risk", "risks", multiple=True, metavar="FINDING", help="By its key.")
@click.option("--why", default="", help="The reason of --accept-risk, --cannot-be-had.")
@click.option("--by", default="", help="Who answers or decides.")
def command(
    engagement: Path,
    lang: str | None,
    step: int | None,
    values: tuple[str, ...],
    no_way: tuple[str, ...],
    not_here: tuple[str, ...],
    done_: tuple[str, ...],
    line: str | None,
    risks: tuple[str, ...],
    why: str,
    by: str,
) -> int:
    """Answer the questions of the onboarding checklist of ENG: as a form, or one by one with flags."""
    from agent.engagement import intake
    from agent.engagement.problems import EngagementError, Refusal

    loaded = load(engagement)
    at = time.time_ns() // 1000
    changes: list[Callable[[Answers], Answers]] = []
    try:
        for text in values:
            key, sign, value = text.partition("=")
            if not sign:
                raise Stop("--set takes ITEM=VALUE.", EXIT_USAGE)
            item = intake.item_of(key.strip())
            changes.append(_bound(intake.answered, item, value, by, at))
        for item_id in no_way:
            item = intake.item_of(item_id)
            changes.append(_bound(intake.decided, item, "cannot_be_had", by, at, why))
        for item_id in not_here:
            item = intake.item_of(item_id)
            changes.append(_bound(intake.decided, item, "not_applicable", by, at, why))
        for item_id in done_:
            changes.append(_bound(intake.done, intake.item_of(item_id), line, by, at))
        for finding in risks:
            changes.append(_bound(intake.risk_accepted, finding, by, why, at))
        if changes:
            return _apply(loaded, changes)
        if line is not None:
            raise Stop("--line goes with --done.", EXIT_USAGE)
        if sys.stdin is None or not sys.stdin.isatty():
            raise Stop("No terminal: use --set ITEM=VALUE --by NAME.", EXIT_USAGE)
        return form(loaded, lang or loaded.client.client.language, step, by)
    except Refusal as refusal:
        raise Stop(str(refusal), refusal.code) from None
    except EngagementError as error:
        raise Stop(str(error), EXIT_USAGE) from None


def form(engagement: Engagement, lang: str, step: int | None, by: str) -> int:
    """Ask every question not answered yet, in the order of the checklist. Raises `Refusal`, `EngagementError`."""
    from agent.catalogs.checklist import load_checklist
    from agent.engagement import intake
    from agent.engagement.answers import load_answers, update_answers
    from agent.engagement.problems import Refusal

    say = _SAY[lang]
    known = engagement.client_flat()
    answers = load_answers(engagement.folder)
    items = [
        i
        for i in load_checklist().items
        if i.mode == "intake" and i.id not in answers.items and step in (None, i.step)
    ]
    click.echo(say["left"].format(n=len(items)))
    name = by or click.prompt(say["who"])
    for number, item in enumerate(items):
        while True:
            value = _question(item, lang, known.get(item.prefill or "", ""))
            if value == "q":
                click.echo(say["stop"].format(n=len(items) - number))
                return 0
            if value in ("", "."):
                break
            at = time.time_ns() // 1000
            try:
                if value in ("!", "-"):
                    state = "cannot_be_had" if value == "!" else "not_applicable"
                    update_answers(
                        engagement.folder, _bound(intake.decided, item, state, name, at, "")
                    )
                else:
                    update_answers(
                        engagement.folder, _bound(intake.answered, item, value, name, at)
                    )
            except Refusal as refusal:
                click.echo(str(refusal))
                continue
            click.echo(say["saved"])
            break
    click.echo(say["whole"] if not items else "")
    return 0


def _question(item: ChecklistEntry, lang: str, known: str) -> str:
    say = _SAY[lang]
    needed = f" ({say['required']})" if item.required else ""
    click.echo(f"\n{item.id}  {item.title.in_(lang)}{needed}\n  {item.help.in_(lang)}")
    if item.answer == "choice":
        named = ", ".join(f"{c.value} ({c.in_(lang)})" for c in item.choices)
        click.echo("  " + say["choices"].format(v=named))
    elif item.answer == "yesno":
        click.echo(f"  {say['yesno']}")
    elif item.answer in ("table", "longtext"):
        columns = " | ".join(c.title.in_(lang) for c in item.columns) or "..."
        click.echo("  " + say["table"].format(v=columns))
        rows: list[str] = []
        while row := _line("  > ", "" if rows else known):
            rows.append(row)
            if row in ("q", "!", "-", ".") or row == known:
                break
        return "\n".join(rows)
    return _line("> ", known)


def _line(mark: str, default: str) -> str:
    answer: str = click.prompt(
        mark, default=default, show_default=bool(default), prompt_suffix="", type=str
    )
    return answer.strip()


def _apply(engagement: Engagement, changes: list[Callable[[Answers], Answers]]) -> int:
    """All changes or, where one is refused, none."""
    from agent.engagement.answers import update_answers

    def change(answers: Answers) -> Answers:
        for each in changes:
            answers = each(answers)
        return answers

    update_answers(engagement.folder, change)
    click.echo(f"Saved: {len(changes)}.")
    return 0


def _bound(function: Callable[..., Answers], *args: object) -> Callable[[Answers], Answers]:
    return lambda answers: function(answers, *args)
