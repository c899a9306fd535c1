"""The configuration of a Network Policy Server: what is read of it, what never is, and what is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.imports.nps_file import MAX_BYTES, NotNps, Nps, looks_like_nps, read_nps
from tests.nps_sample import (
    ALWAYS,
    SECRET,
    TARGET_SECRET,
    TEMPLATE_SECRET,
    WINDOWS,
    client,
    document,
    group,
    policy,
    request,
)

STAFF = 'USERNTGROUPS("S-1-5-21-1-2-3-1200;S-1-5-21-1-2-3-1201")'


def read(data: bytes) -> Nps:
    return read_nps(data, "d" * 16, "nps01")


def test_policies_in_their_order_with_what_their_profiles_grant() -> None:
    nps = read(
        document(
            policy("VPN staff", 1, STAFF, ALWAYS, ignores=True, methods=(4, 10, 5, 1)),
            policy("Old", 3, enabled=False),
            policy("Rest", 9, ALWAYS, grants=False, methods=(7, 99)),
            policy("RDG_CAP", 2, source=1),
            requests=(WINDOWS, request("Out", 1, ALWAYS, provider=2, target="Them")),
        )
    )
    told = {p.name: p for p in nps.policies}
    staff = told["VPN staff"]
    assert (staff.layer, staff.order, staff.verdict) == ("network", 1, "grant")
    assert staff.conditions == (STAFF, ALWAYS) and staff.ignores_account
    assert staff.methods == ("eap", "mschap2", "pap")
    assert not told["Old"].enabled and not told["Old"].gateway
    assert told["Rest"].verdict == "deny" and told["Rest"].methods == ("none", "other")
    assert told["RDG_CAP"].gateway
    assert told["Use Windows authentication for all users"].verdict == "local"
    assert (told["Out"].layer, told["Out"].verdict, told["Out"].target) == (
        "request",
        "forward",
        "Them",
    )


def test_a_copied_policy_finds_its_own_profile() -> None:
    """Its msNPAction keeps the name of the one it was copied from."""
    (one,) = (
        p
        for p in read(
            document(policy("Wired VLAN 20", 2, action="Copy of Wired VLAN 20", grants=True))
        ).policies
        if p.layer == "network"
    )
    assert one.verdict == "grant"


def test_a_policy_without_a_profile_is_unknown() -> None:
    whole = document(policy("A", 1)).decode()
    start, end = whole.index("<RadiusProfiles"), whole.index("</RadiusProfiles>")
    cut = whole[:start] + '<RadiusProfiles name="RadiusProfiles"><Children/>' + whole[end:]
    assert {p.verdict for p in read(cut.encode()).policies if p.name == "A"} == {"unknown"}


def test_no_secret_leaves_the_reader() -> None:
    nps = read(
        document(
            policy("A", 1),
            clients=(
                client("FW", "192.0.2.1"),
                client("Switch", "192.0.2.2"),
                client("AP", "192.0.2.3", "another", signed=False, enabled=False),
                client("Templated", "192.0.2.4", "", template="{1A1917B8-D2C0-43B3-8144-FAE1}"),
                client("Bare", "192.0.2.5", ""),
            ),
            groups=(group("Them", "198.51.100.9", "radius.oldmsp.example"),),
        )
    )
    text = repr(nps)
    assert not any(s in text for s in (SECRET, TARGET_SECRET, TEMPLATE_SECRET, "another"))
    assert {c.name: (c.secret, c.same, c.signed, c.enabled) for c in nps.clients} == {
        "FW": ("set", 1, True, True),
        "Switch": ("set", 1, True, True),
        "AP": ("set", 0, False, False),
        "Templated": ("template", 0, True, True),
        "Bare": ("none", 0, True, True),
    }
    assert [(t.group, t.address) for t in nps.targets] == [
        ("Them", "198.51.100.9"),
        ("Them", "radius.oldmsp.example"),
    ]


def test_utf_16_is_recognised_and_read() -> None:
    data = document(policy("Accès", 1)).decode().replace("?>", ' encoding="utf-16"?>', 1)
    wide = data.encode("utf-16")
    assert looks_like_nps(wide[:512])
    assert any(p.name == "Accès" for p in read(wide).policies)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "damaged"),
        (b"<Root>", "damaged"),
        (b"<Root/>", "Microsoft_Internet_Authentication_Service"),
        (b"<nmaprun/>", "Microsoft_Internet_Authentication_Service"),
        (document(requests=()), "no policy"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Root>&b;</Root>', "refused"),
        (document(policy("A", 1, *["x"] * 201)), "conditions"),
        (b"<Root>" + b"<a>" * 70 + b"</a>" * 70 + b"</Root>", "deeper"),
        (b"x" * (MAX_BYTES + 1), "larger"),
    ],
)
def test_what_is_no_configuration_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(NotNps, match=why):
        read(data)


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_damaged_files_are_read_or_refused(r: random.Random, times: int) -> None:
    data = bytearray(
        document(
            policy("A", 1, STAFF), clients=(client("FW", "192.0.2.1"),), groups=(group("G", "h"),)
        )
    )
    for _ in range(times):
        where = r.randrange(len(data))
        if r.random() < 0.5:
            data[where] = r.randrange(256)
        else:
            del data[where : where + r.randrange(1, 40)]
    try:
        nps = read(bytes(data))
    except NotNps:
        return
    assert nps.policies
