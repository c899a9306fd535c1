"""May this account connect, and by which policy: order, groups, the account's own setting, and all that was not read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.imports.nps_file import read_nps
from agent.inventory.directory.domain import Domain, domains
from agent.inventory.nps.conditions import always, condition
from agent.inventory.nps.evaluate import Answer, decides_itself, may_connect, ruled
from tests.agent.inventory.directory.tables import HEAD, SID, group, members, table, told, user
from tests.nps_sample import ALWAYS, WINDOWS, document, policy, request

VPN, EMPTY = f'USERNTGROUPS("{SID}-1200")', f'USERNTGROUPS("{SID}-1300")'
ELSEWHERE = 'USERNTGROUPS("S-1-5-21-9-9-9-1200")'
WIFI = 'MATCH("NAS-Port-Type=^19$")'
OFFICE = 'TIMEOFDAY("1 08:00-18:00; 2 08:00-18:00")'


def domain(*, whole: bool = True) -> Domain:
    tables = [
        HEAD,
        table(
            "users",
            [
                user(1100, "direct"),
                user(1101, "nested"),
                user(1102, "other"),
                user(1103, "allowed", dial_in=1),
                user(1104, "denied", dial_in=0),
                user(1105, "deniedin", dial_in=0),
                user(1106, "hidden", primary_group=1200),
                user(1107, "mute", readable=0),
                user(1108, "allowedin", dial_in=1),
            ],
        ),
        table("computers", []),
        table("groups", [group(1200, "VPN"), group(1201, "Equipe"), group(1300, "Vide")]),
    ]
    pairs = (
        (1200, 1100),
        (1200, 1201),
        (1201, 1101),
        (1200, 1105),
        (1200, 1107),
        (1200, 1108),
    )
    if whole:
        local = {"group": "S-1-5-32-555", "member": f"{SID}-1102"}
        tables.append(table("members", [*members(*pairs), local]))
    (found,) = domains(o for _, o in told(*tables).observations)
    return found


def asked(login: str, *policies: tuple[str, str], whole: bool = True) -> Answer:
    here = domain(whole=whole)
    nps = read_nps(document(*policies), "d", "s")
    who = next(u for u in here.users if u.login == login)
    rows = [(str(n), p) for n, p in enumerate(nps.policies)]
    return may_connect(who, here, ruled(rows, "network"))


GRANT = policy("VPN", 1, VPN)
DENY_REST = policy("Rest", 9, ALWAYS, grants=False)


@pytest.mark.parametrize(
    ("login", "policies", "wanted"),
    [
        ("direct", (GRANT, DENY_REST), "yes"),
        ("nested", (GRANT, DENY_REST), "yes"),
        ("hidden", (GRANT, DENY_REST), "yes"),
        ("other", (GRANT, DENY_REST), None),
        ("other", (GRANT,), None),
        # Order decides, not the file's.
        ("direct", (policy("Rest", 0, ALWAYS, grants=False), GRANT), None),
        ("direct", (policy("Off", 0, ALWAYS, grants=False, enabled=False), GRANT), "yes"),
        # The account's own setting comes first, unless the policy ignores it.
        ("deniedin", (GRANT,), None),
        ("deniedin", (policy("VPN", 1, VPN, ignores=True),), "yes"),
        ("allowed", (DENY_REST,), "yes"),
        ("allowed", (policy("Rest", 9, ALWAYS, grants=False, ignores=True),), None),
        ("allowed", (GRANT,), None),
        # What the request decides leaves both ways open.
        ("direct", (policy("Wi-Fi", 1, VPN, WIFI), DENY_REST), "conditional"),
        ("direct", (policy("Hours", 1, VPN, OFFICE),), "conditional"),
        ("direct", (policy("No Wi-Fi", 0, WIFI, grants=False), GRANT), "conditional"),
        ("direct", (policy("Wi-Fi", 0, WIFI), GRANT), "yes"),
        ("other", (policy("M", 1, f'MACHINENTGROUPS("{SID}-515")'),), "conditional"),
        ("other", (policy("Either", 1, f'NTGROUPS("{SID}-1200")'),), "conditional"),
        ("direct", (policy("Either", 1, f'NTGROUPS("{SID}-1200")'),), "yes"),
        # All conditions, any group of one.
        ("direct", (policy("Two", 1, VPN, EMPTY),), None),
        ("direct", (policy("Or", 1, f'USERNTGROUPS("{SID}-1300;{SID}-1200")'),), "yes"),
        ("other", (policy("All", 1, 'USERNTGROUPS("S-1-5-11")'),), "yes"),
        ("other", (policy("Domain users", 1, f'USERNTGROUPS("{SID}-513")'),), "yes"),
        # What could not be told is neither.
        ("direct", (policy("Theirs", 1, ELSEWHERE),), "unknown"),
        # BUILTIN is the server's own, not the controllers'.
        ("other", (policy("Local", 1, 'USERNTGROUPS("S-1-5-32-555")'),), "unknown"),
        ("direct", (policy("Theirs", 0, ELSEWHERE, grants=False), GRANT), "unknown"),
        ("direct", (policy("Theirs", 0, ELSEWHERE), GRANT), "yes"),
        ("direct", (policy("Odd", 1, "SOMETHING NEW"),), "unknown"),
        ("direct", (policy("Odd", 1, 'USERNTGROUPS("VPN users")'),), "unknown"),
        ("mute", (GRANT,), "unknown"),
        ("mute", (policy("VPN", 1, VPN, ignores=True),), "yes"),
        ("mute", (DENY_REST,), "unknown"),
    ],
)  # fmt: skip
def test_who_may_connect(
    login: str, policies: tuple[tuple[str, str], ...], wanted: str | None
) -> None:
    assert asked(login, *policies).verdict == wanted


def test_who_is_not_seen_in_a_group_that_was_not_read_is_unknown() -> None:
    assert asked("direct", GRANT, whole=False).verdict == "unknown"
    assert asked("other", GRANT, whole=False).verdict == "unknown"


def test_it_says_by_which_policy_and_against_which() -> None:
    one = asked("direct", policy("Wi-Fi", 0, WIFI), GRANT, DENY_REST)
    assert [r.policy.name for r in one.by] == ["Wi-Fi", "VPN"] and not one.despite
    over = asked("allowed", DENY_REST)
    assert over.despite and [r.policy.name for r in over.by] == ["Rest"]
    assert not asked("allowedin", GRANT).despite


@pytest.mark.parametrize(
    ("requests", "wanted"),
    [
        ((WINDOWS,), True),
        ((request("Out", 1, ALWAYS, provider=2), WINDOWS), False),
        ((request("Out", 1, WIFI, provider=2), WINDOWS), True),
        ((request("Out", 1, OFFICE, provider=2), WINDOWS), True),
        ((request("Free", 1, ALWAYS, provider=0),), False),
        ((request("Odd", 1, ALWAYS, provider=8), WINDOWS), None),
        ((), None),
    ],
)
def test_where_its_own_policies_decide(
    requests: tuple[tuple[str, str], ...], wanted: bool | None
) -> None:
    nps = read_nps(document(GRANT, requests=requests), "d", "s")
    rows = [(str(n), p) for n, p in enumerate(nps.policies)]
    assert decides_itself(ruled(rows, "request")) is wanted


@given(st.text(max_size=60))
def test_any_text_is_a_condition(text: str) -> None:
    for whole in (text, f'USERNTGROUPS("{text}")', f'TIMEOFDAY("{text}")'):
        one = condition(whole)
        assert one.form or not one.sids
        always(one.text)
