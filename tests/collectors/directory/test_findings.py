"""From a real domain to findings: each planted fault is found by its rule and nobody else is, and the control domain shows only what any
fresh Samba domain has."""

from __future__ import annotations

import pytest

from agent.catalogs.risks import load_risks
from agent.inventory.build import build
from agent.inventory.directory.domain import domains
from agent.judgement.findings import JUDGES, findings
from agent.judgement.looked import Looked
from agent.judgement.world import World
from agent.material import Material
from agent.model.attribution import Provider
from agent.model.judged import SiteFacts
from fixtures.directory.controller import ADMIN_PASSWORD, Controller
from fixtures.directory.seeded import ANSWERS, NESTED_ADMINS
from tests.agent.judgement.sample import engagement, material
from tests.agent.judgement.sample_run import DAY, NOW, Run
from tests.collectors.directory.entering import DomainBook, collected, reader

pytestmark = [pytest.mark.root, pytest.mark.needs("samba", "ldbadd", "unshare", "openssl")]
FORMER = Provider(
    id="former-infosud",
    role="former",
    name="InfoSud Services",
    domains=("infosud.example",),
)
HIDDEN = ("ad_password_attribute", "ad_weak_pso")
"""What only administrators are shown: confidential attributes, and password settings objects."""
STOCK = {
    "directory-builtin-used": "these tests log on with it",
    "directory-functional-level": "provisioned at 2008 R2, the highest of Samba 4.17",
    "directory-machine-quota": "10, the default of every domain",
    "directory-no-laps": "no LAPS in its schema",
    "directory-no-lockout": "0, Samba's default",
    "directory-no-recycle-bin": "off until somebody switches it on",
    "directory-one-controller": "there is one",
    "directory-pre-2000": "Authenticated Users, the default",
    "directory-short-passwords": "7, the default",
}
"""Weaknesses of a fresh Samba domain: rule -> why it is one."""


def world(controller: Controller, book: DomainBook | None = None) -> World:
    told = collected(controller, book or reader(controller), (FORMER,))
    return World(told, build(told), Looked(told))


@pytest.fixture(scope="module")
def seen(domain: Controller) -> World:
    return world(domain, reader(domain, "Administrator", ADMIN_PASSWORD))


@pytest.mark.parametrize("rule", ANSWERS)
def test_each_planted_fault_is_found_and_nothing_else(seen: World, rule: str) -> None:
    named: set[str] = set()
    for hit in JUDGES[rule](seen):
        assert hit.evidence
        assert set(hit.evidence) <= set(seen.observations)
        who = str(hit.params.get("who") or hit.params.get("name"))
        named |= set(who.split(", "))
    assert named == ANSWERS[rule]


def test_who_rules_the_domain_and_by_which_way(seen: World) -> None:
    (domain,) = domains(seen.observations.values())
    ways = {
        domain.named(sid): tuple(sorted(map(domain.named, way.path)))
        for sid, way in domain.admins.items()
    }
    assert ways.pop("Administrator") == ("Domain Admins",)
    assert ways == {name: tuple(sorted(groups)) for name, groups in NESTED_ADMINS.items()}
    accounts = {a.name: a for a in seen.inventory.accounts}
    assert accounts["kroux"].owner.provider == FORMER.id
    assert [g.verdict for g in accounts["kroux"].grants] == ["yes", "conditional"]


def test_the_chapter_names_them_as_the_domain_does(seen: World) -> None:
    (told,) = seen.inventory.directory
    ways = {a.name: a.way[0] for a in told.admins}
    assert ways.pop("Administrator") == "Domain Admins" and set(ways) == set(NESTED_ADMINS)
    assert told.unread == () and not told.rights_unread and told.dial_in_unread == 0
    assert {a.name for a in told.dial_in} == ANSWERS["ad_dial_in_allowed"]
    assert told.policy is not None and told.policy.min_length == 7


def test_ways_to_rule_it(seen: World) -> None:
    """Of a real domain's own descriptors: planted on an administrator, and what Samba gives Account Operators, who are not empty."""
    (told,) = seen.inventory.directory
    ways = {p.name: (p.accounts, p.steps[-1].to) for p in told.paths}
    assert ways == {"Domain Users": (None, "theo.smith"), "Account Operators": (1, "DC1$")}


def test_the_control_domain_shows_what_every_fresh_one_does(control: Controller) -> None:
    clean = world(control, reader(control, "Administrator", ADMIN_PASSWORD))
    assert [d.paths for d in clean.inventory.directory] == [()]
    found = {
        f.rule for f in findings(clean, load_risks(), {}) if "directory.table" in _feeds(f.rule)
    }
    assert found == set(STOCK)


def test_a_setting_that_hides_objects_is_found(seen: World) -> None:
    (hit,) = JUDGES["ad_list_object"](seen)
    assert hit.params == {"domain": "labo.test", "what": "1"}


def test_an_ordinary_user_is_enough_for_all_but_two(domain: Controller) -> None:
    plain = world(domain)
    for rule, who in ANSWERS.items():
        hits = list(JUDGES[rule](plain))
        assert bool(hits) == bool(who) or rule in HIDDEN, rule
    for rule in HIDDEN:
        assert not list(JUDGES[rule](plain))


def _feeds(rule: str) -> tuple[str, ...]:
    return load_risks().rule(rule).feeds


def test_a_material_without_a_directory_has_no_account() -> None:
    site = SiteFacts(id="hq", address="", hours="", networks=("192.0.2.0/24",))
    nothing: Material = material(engagement(site), (Run(site, NOW - DAY, "run-1"),))
    assert build(nothing).accounts == ()
