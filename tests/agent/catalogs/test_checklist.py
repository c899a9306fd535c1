"""The checklist catalogue: every item the product promises is there, in both languages, and bad data does not load."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogs.checklist import CatalogueError, load_checklist, parse_checklist
from agent.catalogs.selector import ACCOUNT_KINDS, Selector
from agent.model.asset import DEVICE_CLASSES

PROMISED: dict[str, str] = {
    # step 1
    "company": "1.company.name",
    "contact": "1.contact.main",
    "service level": "1.service_level.hours 1.service_level.times",
    "servers: number": "1.machines.servers_claimed 1.machines.servers_found",
    "workstations: number": "1.machines.workstations_claimed 1.machines.workstations_found",
    "total value": "1.machines.prices 1.machines.total_value",
    "specifications": "1.machines.server_specs 1.machines.workstation_specs",
    "services wanted": "1.services.wanted",
    "documents, diagrams": "1.documents.list 1.documents.diagram",
    "credentials": "1.credentials.status",
    "per-site specifics, hours": "1.sites.hours 1.sites.specifics",
    "emergency": "1.emergency.instructions",
    "third parties": "1.third_parties.business_software 1.third_parties.hardware_warranty"
    " 1.third_parties.isp",
    "licences": "1.licences.owned",
    "portals": "1.portals.list",
    "employees": "1.people.staff",
    "places": "1.places.list",
    "personal devices": "1.personal_devices.used 1.personal_devices.list",
    "culture": "1.culture.language 1.culture.decides 1.culture.spending 1.culture.tone"
    " 1.culture.no_go_hours 1.culture.values",
    # steps 2 to 6
    "sla": "2.sla.gate 2.sla.drafted 2.sla.counsel 2.sla.signed_client 2.sla.signed_us"
    " 2.sla.signatures",
    "welcome": "3.pack.summary 3.pack.delivery 3.pack.services 3.pack.links 3.pack.testimonials",
    "kick-off": "4.kickoff.held 4.kickoff.consent 4.kickoff.recording",
    "agenda": "4.agenda.goals 4.agenda.onboarding_state 4.agenda.review_calendar"
    " 4.agenda.follow_up 4.agenda.follow_up_expectations 4.agenda.go_live 4.agenda.other",
    "policies": "4.policy.acceptable_use 4.policy.antivirus 4.policy.antispam 4.policy.web_hosting",
    "plan": "5.plan.generated 5.plan.owners 5.plan.order 5.plan.exported 5.plan.kept",
    "launch": "6.launch.started 6.launch.owner",
    # step 7
    "psa": "7.psa.client 7.psa.billing 7.psa.sla 7.psa.team_told",
    "contracts": "7.psa.contract_hardware 7.psa.licence_os 7.psa.licence_antivirus"
    " 7.psa.licence_business 7.psa.licence_backup 7.psa.contract_communication 7.psa.emergency",
    "access": "7.access.users 7.access.service_accounts 7.access.unowned"
    " 7.access.administrators 7.access.domain_admins 7.access.rras 7.access.nps"
    " 7.access.rd_gateway 7.access.firewall_rules 7.access.monitoring_removed"
    " 7.access.remote_access_removed 7.access.reinstall_paths 7.access.reinstall_domain",
    "estate": "7.estate.found 7.estate.reviewed 7.estate.alarm 7.estate.gps 7.estate.cameras"
    " 7.estate.access_control 7.estate.hvac 7.estate.voice_assistants 7.estate.lighting"
    " 7.estate.manufacturing",
    "web": "7.web.domains 7.web.dns 7.web.sites 7.web.mail_hosting 7.web.m365 7.web.isp",
    "tooling": "7.tooling.rmm_setup 7.tooling.rmm_servers 7.tooling.rmm_workstations"
    " 7.tooling.rmm_mobiles 7.tooling.compatibility 7.tooling.alerts_tested"
    " 7.tooling.alerts_result 7.tooling.antivirus_deployed 7.tooling.antivirus",
    "backup": "7.backup.former_keeps_until 7.backup.former_agreed 7.backup.first_full"
    " 7.backup.restore_file 7.backup.restore_machine 7.backup.key_held",
    "gaps": "7.gaps.backup 7.gaps.antivirus 7.gaps.patch 7.gaps.rmm 7.gaps.logs",
    "former": "7.former.request_handed 7.former.request_sent 7.former.request_answers"
    " 7.former.accounts_closed 7.former.ways_in_closed",
    # steps 8 to 10
    "training": "8.training.held 8.training.short 8.training.thanked",
    "go live": "9.go_live.recorded 9.go_live.confirmed",
    "questionnaire": "10.questionnaire.sent",
    "reviews": " ".join(
        f"10.review_{d}.{part}"
        for d in (30, 60, 90)
        for part in ("held", "run", "difference", "milestones", "concerns")
    ),
}
ROTATION: dict[str, str] = {
    "gateways": "asset:gateway asset:router",
    "firewalls": "asset:firewall",
    "wireless": "asset:wireless_controller asset:access_point",
    "printers": "asset:printer",
    "switches": "asset:switch",
    "fc_switches": "asset:fc_switch",
    "nas": "asset:nas",
    "san": "asset:san",
    "virtual_machines": "asset:virtual_machine",
    "hypervisors": "asset:hypervisor",
    "voip": "asset:voip_phone asset:pbx",
    "windows_administrator": "account:builtin_administrator",
    "sql_service": "account:sql_service",
    "sql_sa": "service:mssql",
    "sharepoint_farm": "account:sharepoint_farm",
    "sharepoint_managed": "account:sharepoint_managed",
    "workstations": "asset:workstation asset:laptop",
    "appliances": "asset:appliance asset:ups asset:camera",
    "antivirus_console": "account:antivirus_console",
    "vpn": "account:vpn",
    "portals": "account:portal",
    "remote_support": "account:remote_support",
}


def test_every_promised_item_exists() -> None:
    catalogue = load_checklist()
    ids = {i.id for i in catalogue.items}
    missing = [
        (what, id_) for what, named in PROMISED.items() for id_ in named.split() if id_ not in ids
    ]
    assert missing == []
    assert [s.number for s in catalogue.steps] == list(range(1, 11))


@pytest.mark.parametrize(("name", "members"), ROTATION.items())
def test_rotation_has_a_line_for_each_member(name: str, members: str) -> None:
    item = load_checklist().item(f"7.credentials.{name}")
    assert item.mode == "evidence" and item.selector is not None
    assert item.confirm and not item.asks, "no machine can see that a password was changed"
    for member in members.split():
        kind, _, value = member.partition(":")
        assert item.selector.kind == kind and item.selector.takes(value)


def test_each_device_class_with_a_password_is_rotated_once() -> None:
    """Not `unknown` (asked for by review) nor mobiles (a person's), nor what another item of the list holds."""
    held: list[str] = []
    for item in load_checklist().of_section("rotation"):
        if item.selector is not None and item.selector.kind == "asset":
            held += item.selector.names
    expected = set(DEVICE_CLASSES) - {"unknown", "mobile", "tablet"}
    assert sorted(held) == sorted(expected)


def test_credential_tables_have_the_promised_columns_and_no_secret() -> None:
    catalogue = load_checklist()
    status = [c.id for c in catalogue.item("1.credentials.status").columns]
    wanted = ["asked", "received", "works", "changed", "verified", "in_vault"]
    assert status == ["system", "login", *wanted]
    portals = {c.id for c in catalogue.item("1.portals.list").columns}
    assert {"address", "login", "second_factor", "recovery"} <= portals
    secret = re.compile(r"password|mot de passe|passphrase|\bPIN\b", re.I)
    titles = [c.title for i in catalogue.items for c in i.columns]
    assert [t.en for t in titles if secret.search(t.en) or secret.search(t.fr)] == []


def test_gate_holds_the_required_items_of_step_one_and_nothing_else() -> None:
    catalogue = load_checklist()
    gate = {i.id for i in catalogue.sla_gate}
    assert gate == set(catalogue.item("2.sla.gate").depends)
    assert gate and all(id_.startswith("1.") for id_ in gate)
    drafted = catalogue.item("2.sla.drafted")
    assert "2.sla.gate" in drafted.depends
    assert "1.documents.former_sheet" not in gate


def test_nothing_is_due_before_what_it_depends_on() -> None:
    catalogue = load_checklist()
    late = [
        (i.id, d)
        for i in catalogue.items
        for d in i.depends
        if (i.due_days or 0) < (catalogue.item(d).due_days or 0)
    ]
    assert late == []


def test_texts_are_whole_sentences_in_two_languages() -> None:
    for i in load_checklist().items:
        for text in (i.help.en, i.help.fr):
            assert 25 < len(text) < 330, i.id
            assert text[-1] in ".?!»", i.id
        for text in (i.title.fr, i.help.fr):
            assert not re.search(r" [:;?!»]|« ", text), f"{i.id}: a line could break before it"
            words = set(re.findall(r"[a-z]+", text.lower()))
            assert not words & {"the", "and", "with", "which", "of", "is"}, i.id
        words = set(re.findall(r"[a-zà-ü]+", f"{i.title.en} {i.help.en}".lower()))
        assert not words & {"le", "la", "les", "une", "du", "avec", "pour"}, i.id
        assert "\u00ad" not in f"{i.title} {i.help}", "soft hyphen"


STEPS = "".join(
    f'[[step]]\nnumber = {n}\ntitle = {{ en = "a", fr = "b" }}\nhelp = {{ en = "a", fr = "b" }}\n'
    f'[[section]]\nid = "s{n}"\nstep = {n}\ntitle = {{ en = "a", fr = "b" }}\n'
    f'[[item]]\nid = "{n}.x"\nstep = {n}\nsection = "s{n}"\nmode = "intake"\nanswer = "text"\n'
    'title = { en = "a", fr = "b" }\nhelp = { en = "a", fr = "b" }\n'
    for n in range(1, 11)
)
COLUMN = '[[column]]\nid = "c"\ntitle = { en = "a", fr = "b" }\n'
TEXTS = 'title = { en = "a", fr = "b" }\nhelp = { en = "a", fr = "b" }\n'


def entry(id_: str, rest: str, texts: str = TEXTS) -> str:
    step = id_.split(".")[0]
    return f'[[item]]\nid = "{id_}"\nstep = {step}\nsection = "s{step}"\n{rest}\n{texts}'


ACTION = 'mode = "action"\nowner_role = "client"\ndue_days = 1\n'
TABLE = 'mode = "intake"\nanswer = "table"\ncolumns = ["c"]'
EVIDENCE = 'mode = "evidence"\n'


def test_a_small_correct_catalogue_loads() -> None:
    good = [
        entry("1.t", TABLE),
        entry("2.a", ACTION + 'depends = ["1.t", "2.b"]'),
        entry("2.b", ACTION + 'depends = []\nverify = "3.e"'),
        entry("3.e", EVIDENCE + 'subjects = "asset:class=nas|san"\nasks = ["tcp.port"]'),
        entry("3.f", EVIDENCE + 'subjects = "subnet"\nconfirm = true'),
    ]
    made = parse_checklist({"a.toml": STEPS + COLUMN, "b.toml": "".join(good)})
    assert len(made.items) == 15
    assert [i.id for i in made.of_step(2)] == ["2.x", "2.a", "2.b"]
    assert made.item("1.t").columns[0].title.in_("fr") == "b"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (entry("1.x", 'mode = "intake"\nanswer = "text"'), "there twice"),
        (entry("1.y", 'mode = "intake"'), "kind of its answer"),
        (entry("1.y", 'mode = "intake"\nanswer = "choice"'), "choices"),
        (
            entry(
                "1.y",
                'mode = "intake"\nanswer = "choice"\nchoices = [{ value = "a", en = "a", fr = "b" },'
                ' { value = "a", en = "c", fr = "d" }]',
            ),
            "choice 'a' is there twice",
        ),
        (entry("1.y", 'mode = "intake"\nanswer = "table"'), "columns"),
        (entry("1.y", 'mode = "intake"\nanswer = "table"\ncolumns = ["z"]'), "no column z"),
        (entry("1.y", 'mode = "intake"\nanswer = "text"\nprefill = "acme.name"'), "client.toml"),
        (entry("1.y", 'mode = "intake"\nanswer = "text"\nsubjects = "site"'), "no meaning in mode"),
        (entry("1.y", 'mode = "intake"\nanswer = "text"\ncolour = "red"'), "colour"),
        (entry("1.y", EVIDENCE), "needs subjects"),
        (entry("1.y", EVIDENCE + 'subjects = "asset"'), "asks, or confirm"),
        (entry("1.y", EVIDENCE + 'subjects = "asset:class=printr"\nconfirm = true'), "printr"),
        (entry("1.y", EVIDENCE + 'subjects = "asset"\nasks = ["Tcp Port"]'), "question kind"),
        (
            entry("1.y", EVIDENCE + 'subjects = "asset"\nconfirm = true\nrules = ["a_b"]'),
            "rule id",
        ),
        (entry("1.y", 'mode = "action"\ndue_days = 1'), "owner_role"),
        (entry("1.y", ACTION + 'depends = ["1.z"]'), "1.z"),
        (entry("1.y", ACTION + 'verify = "1.x"'), "no evidence item"),
        (
            entry("1.y", ACTION + 'depends = ["1.z"]') + entry("1.z", ACTION + 'depends = ["1.y"]'),
            "circle",
        ),
        (entry("1.y", ACTION + 'depends = ["1.y"]'), "circle"),
        (entry("1.y", ACTION).replace('"s1"', '"s2"'), "no section"),
        (entry("1.y", ACTION).replace("step = 1", "step = 2"), "does not begin"),
        (entry("1.y", ACTION, TEXTS.replace('"b"', '"a"')), "same text"),
        (entry("1.y", ACTION, TEXTS.replace('fr = "b"', 'fr = ""')), "fr"),
        ('[[section]]\nid = "s"\nstep = 1\ntitle = { en = "a", fr = "b" }\n', "without items"),
        ('[[step]]\nnumber = 3\ntitle = { en = "a", fr = "b" }\n', "help"),
        (
            '[[step]]\nnumber = 3\ntitle = { en = "a", fr = "b" }\nhelp = { en = "a", fr = "b" }\n',
            "once each",
        ),
        (COLUMN, "same id"),
        ("[[items]]\n", "unknown table"),
        ('[item]\nid = "1.y"\n', "not.toml"),
        ("item = [1]", "unknown table"),
        ("x = [", "not.toml"),
    ],
)
def test_bad_data_is_refused(extra: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(said)):
        parse_checklist({"a.toml": STEPS + COLUMN, "not.toml": extra})


@pytest.mark.parametrize("step", range(1, 11))
def test_a_missing_step_is_refused(step: int) -> None:
    parts = STEPS.split("[[step]]")
    del parts[step]
    with pytest.raises(CatalogueError, match="1 to 10"):
        parse_checklist({"a.toml": "[[step]]".join(parts)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "assets",
        "asset:",
        "asset:class=",
        "asset:class=nas|",
        "asset:class=nas|nas",
        "asset:vendor=nas",
        "account",
        "account:",
        "account:boss",
        "service:",
        "service",
        "site:siege",
        "subnet:",
    ],
)
def test_selectors_that_would_select_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Selector.parse(text)


@given(st.text(max_size=60))
def test_selector_only_raises_value_error(text: str) -> None:
    try:
        made = Selector.parse(text)
    except ValueError:
        return
    known = {"asset": DEVICE_CLASSES, "account": ACCOUNT_KINDS}.get(made.kind)
    assert known is None or set(made.names) <= set(known)


def test_selector_takes_what_it_names() -> None:
    some = Selector.parse("asset:class=nas|san")
    assert some.takes("nas") and some.takes("san") and not some.takes("printer")
    assert Selector.parse("asset").takes("printer")
