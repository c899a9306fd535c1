"""The risk rules: every example triggers its own rule, no counter-example does; texts in both languages with the same parameters."""

from __future__ import annotations

import pytest

from agent.catalogs.checklist import CatalogueError, load_checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.risks import Example, Rule, fill, load_risks, parse_risks
from agent.catalogs.unknowns import load_unknowns
from agent.judgement.findings import JUDGES, findings
from agent.model.finding import Finding
from agent.model.judged import SUBJECTS
from tests.agent.judgement.sample import example_world

RULES = load_risks().rules
EXAMPLES = [(r, e) for r in RULES for e in r.examples]
NOT_EXAMPLES = [(r, e) for r in RULES for e in r.not_examples]


def _found(rule: Rule, example: Example) -> list[Finding]:
    world = example_world(example)
    return [f for f in findings(world, load_risks(), {}) if f.rule == rule.id]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES, ids=[r.id for r, _ in EXAMPLES])
def test_an_example_triggers_its_rule(rule: Rule, example: Example) -> None:
    found = _found(rule, example)
    assert found, example.note
    for f in found:
        assert f.evidence
        for text in (rule.title, rule.risk, rule.remediation):
            for language in ("en", "fr"):
                # A parameter the judge does not give would be printed as [name].
                assert "[" not in fill(text, language, f.params)


@pytest.mark.parametrize(("rule", "example"), NOT_EXAMPLES, ids=[r.id for r, _ in NOT_EXAMPLES])
def test_a_counter_example_does_not(rule: Rule, example: Example) -> None:
    assert not _found(rule, example), example.note


@pytest.mark.parametrize("rule", RULES, ids=[r.id for r in RULES])
def test_every_text_is_there_and_translated(rule: Rule) -> None:
    for text in (rule.title, rule.risk, rule.remediation):
        assert text.en != text.fr
    assert len(rule.risk.en) > 40
    assert len(rule.remediation.fr) > 40


@pytest.mark.parametrize("rule", RULES, ids=[r.id for r in RULES])
def test_every_condition_of_a_rule_can_hold(rule: Rule) -> None:
    """Each way of a rule names only parameters its texts use: a misspelt one would be lost silently."""
    for when in rule.when:
        assert set(when.params) <= rule.placeholders, when.params
    if rule.judge:
        assert rule.judge in JUDGES


def test_every_function_is_a_rule() -> None:
    assert {r.judge for r in RULES if r.judge} == set(JUDGES)


def test_doors_name_rules_or_announce_them() -> None:
    """A door whose rules nothing could ever feed would stay dark for ever; those of later subjects are named in the checklist."""
    announced = {r for e in load_checklist().items for r in e.rules} | {r.id for r in RULES}
    for door in load_doors().doors:
        assert set(door.rules) & announced or door.subject in ("firewalls", "leftovers", "accounts")


def test_rules_of_access_have_a_door() -> None:
    """What lets somebody in must appear in the who-can-get-in matrix."""
    with_door = {r for d in load_doors().doors for r in d.rules}
    ways = (
        "telnet-open",
        "rdp-open",
        "vnc-open",
        "remote-access-port",
        "bmc-reachable",
        "certificate-former",
    )
    assert set(ways) <= with_door


def test_unknown_subjects_have_texts() -> None:
    for subject in SUBJECTS:
        if subject != "devices":
            assert load_unknowns().cause(f"subject_{subject}").step == f"examine_{subject}"


def test_a_lone_per_cent_sign_is_refused() -> None:
    source = _one_rule('{ en = "50 % more", fr = "50 % de plus" }')
    with pytest.raises(CatalogueError, match="per cent"):
        parse_risks({"a.toml": source})


def test_placeholders_must_agree() -> None:
    source = _one_rule('{ en = "%(a)s more", fr = "plus" }')
    with pytest.raises(CatalogueError, match="placeholders differ"):
        parse_risks({"a.toml": source})


def test_a_misspelt_class_is_refused() -> None:
    source = _one_rule('{ en = "a", fr = "b" }').replace("ports = [1]", 'classes = ["printr"]')
    with pytest.raises(CatalogueError, match="no such device class"):
        parse_risks({"a.toml": source})


def test_a_missing_parameter_is_shown_not_fatal() -> None:
    rule = load_risks().rule("telnet-open")
    assert "[ports]" in fill(rule.risk, "en", {})


def _one_rule(title: str) -> str:
    return f"""
[management]
classes = ["printer"]
title = 'x'
login = 'y'
[[rule]]
id = "one"
severity = "low"
subject = "service"
feeds = ["tcp.port"]
title = {title}
risk = {{ en = "c", fr = "d" }}
remediation = {{ en = "e", fr = "f" }}
references = [{{ title = "abc", url = "https://a.example/" }}]
[[rule.when]]
ports = [1]
[[rule.examples]]
hosts = [{{}}]
[[rule.not_examples]]
hosts = [{{}}]
"""
