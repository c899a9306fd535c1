"""Each invariant of the core model, tried from the side that must fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.model.account import Account, Grant
from agent.model.attribution import Attribution
from agent.model.base import canonical, hash_id
from agent.model.bodies import KINDS, Banner, IcmpEcho, TcpPort
from agent.model.checklist import ChecklistItem, Line
from agent.model.finding import Finding
from agent.model.known import Known, Why
from agent.model.observation import Observation, observation_id
from agent.model.ref import Ref, addr, mac
from agent.model.status import Ask, ProbeStatus

A = "a" * 32
HOST = addr("siege", "192.168.1.1")
STRONG = Why(feature="tenant", matched="ab12", weight=100, strong=True)
WEAK = Why(feature="words", matched="InfoSud", weight=10, strong=False)


def observation(body: object, unit: str = "u") -> Observation:
    assert isinstance(body, TcpPort | IcmpEcho | Banner)
    return Observation(
        id=observation_id(b"k", "p", 1, unit, HOST, None, body),
        probe="p",
        probe_rev=1,
        unit=unit,
        subject=HOST,
        standing="direct",
        channel="tcp",
        at=1,
        mono=1,
        body=body,
    )


def test_a_body_keeps_its_fields_when_written_and_read() -> None:
    before = observation(Banner(port=22, protocol="ssh", text="SSH-2.0-x"))
    after = Observation.model_validate_json(before.model_dump_json())
    assert after == before
    assert isinstance(after.body, Banner) and after.body.text == "SSH-2.0-x"
    assert '"kind":"banner"' in before.model_dump_json()


def test_an_unknown_kind_is_refused() -> None:
    data = observation(TcpPort(port=1)).model_dump()
    with pytest.raises(ValidationError, match="unknown kind"):
        Observation.model_validate({**data, "body": {"kind": "no.such", "port": 1}})


def test_the_id_leaves_out_clock_and_volatile_fields_but_not_content() -> None:
    one = observation_id(b"k", "p", 1, "u", HOST, None, IcmpEcho(rtt_us=5, ttl=64))
    assert one == observation_id(b"k", "p", 1, "u", HOST, None, IcmpEcho(rtt_us=9, ttl=63))
    port = observation_id(b"k", "p", 1, "u", HOST, None, TcpPort(port=1))
    assert port != observation_id(b"k", "p", 1, "u", HOST, None, TcpPort(port=2))
    assert port != observation_id(b"other", "p", 1, "u", HOST, None, TcpPort(port=1))


def test_every_kind_is_registered_under_its_own_name() -> None:
    assert all(kind == cls.KIND for kind, cls in KINDS.items())
    assert {"arp.entry", "tcp.port", "banner", "tls.certificate", "http.page"} <= set(KINDS)


def test_no_float_is_hashed() -> None:
    with pytest.raises(TypeError, match="float"):
        hash_id({"a": [1.5]})


def test_a_lone_surrogate_can_be_hashed() -> None:
    assert canonical({"a": "\ud800"}) != canonical({"a": "\ud801"})


def test_two_sites_with_one_range_stay_apart() -> None:
    assert addr("siege", "10.0.0.1") != addr("depot", "10.0.0.1")


@given(st.binary(min_size=6, max_size=6), st.sampled_from(["-", ":", ""]))
def test_mac_has_one_normal_form(raw: bytes, sep: str) -> None:
    assert mac("s", sep.join(f"{b:02X}" for b in raw)).value == ":".join(f"{b:02x}" for b in raw)


def test_a_ref_survives_text() -> None:
    ref = Ref(kind="account", ns="S-1-5-21-1", value="a:b:c")
    assert Ref.parse(str(ref)) == ref


@pytest.mark.parametrize(
    ("kind", "value"), [("addr", "300.1.1.1"), ("mac", "00:11"), ("subnet", "1.2.3.4/40")]
)
def test_a_ref_that_is_none_is_refused(kind: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Ref.model_validate({"kind": kind, "ns": "site/x", "value": value})


def ask(outcome: str) -> Ask:
    return Ask.model_validate(
        {"kind": "tcp.ports", "subject": HOST, "strength": "weak", "outcome": outcome}
    )


def test_asked_is_the_sum_of_the_outcomes() -> None:
    asks = tuple(ask(o) for o in ("answered", "negative", "silent"))
    status = ProbeStatus.of("p", "u", 0, "done", asks, 1, 2)
    assert (status.asked, status.answered, status.negative, status.silent) == (3, 1, 1, 1)
    with pytest.raises(ValidationError, match="add up"):
        ProbeStatus.model_validate({**status.model_dump(), "asked": 4})


@pytest.mark.parametrize("outcome", ["refused", "error"])
def test_done_has_no_refusal_and_no_error(outcome: str) -> None:
    with pytest.raises(ValidationError, match="not done"):
        ProbeStatus.of("p", "u", 0, "done", (ask(outcome),), 1, 2)


def test_done_met_no_cap_and_anything_else_has_a_reason() -> None:
    with pytest.raises(ValidationError, match="not done"):
        ProbeStatus.of("p", "u", 0, "done", (), 1, 2, caps_hit=("bytes",))
    with pytest.raises(ValidationError, match="needs a reason"):
        ProbeStatus.of("p", "u", 0, "failed", (), 1, 2)


def test_known_needs_a_value_and_evidence() -> None:
    assert Known[str].of("x", (A,)).value == "x"
    for bad in (
        {"state": "known"},
        {"state": "known", "value": "x"},
        {"state": "known", "value": "x", "candidates": (("x", ()),)},
        {"state": "absent"},
        {"state": "absent", "value": "x", "status": ("p/u",)},
        {"state": "conflict", "candidates": (("x", (A,)),)},
    ):
        with pytest.raises(ValidationError):
            Known[str].model_validate(bad)


def test_a_provider_is_named_only_with_a_strong_reason() -> None:
    Attribution(owner="former", provider="infosud", conf=900, for_=(STRONG,))
    with pytest.raises(ValidationError, match="strong"):
        Attribution(owner="former", provider="infosud", conf=900, for_=(WEAK,))
    with pytest.raises(ValidationError, match="strong"):
        Attribution(owner="former", provider=None, conf=900, for_=(STRONG,))
    Attribution(owner="unknown", provider=None, conf=100, for_=(WEAK,), suspected=("infosud",))


def test_strong_reasons_on_two_sides_are_contested() -> None:
    with pytest.raises(ValidationError, match="contested"):
        Attribution(owner="ours", provider="us", conf=500, for_=(STRONG,), against=(STRONG,))
    Attribution(owner="contested", provider=None, conf=0, for_=(STRONG,), against=(STRONG,))


def test_a_closed_door_needs_somebody_who_looked() -> None:
    with pytest.raises(ValidationError, match="looked"):
        Grant(door="vpn", target=HOST, verdict="no")
    Grant(door="vpn", target=HOST, verdict="no", status=("p/u",))


def test_an_account_has_no_place_for_a_secret() -> None:
    words = ("password", "secret", "hash", "hint", "token")
    fields = set(Account.model_fields) - {"secret_changed"}
    assert not [f for f in fields if any(w in f for w in words)]


def test_a_finding_has_evidence_and_a_subject() -> None:
    good = {
        "key": A,
        "rule": "telnet-open",
        "rule_rev": 1,
        "subjects": (HOST,),
        "severity": "high",
        "conf": 900,
        "evidence": (A,),
    }
    Finding.model_validate(good)
    for missing in ("evidence", "subjects"):
        with pytest.raises(ValidationError):
            Finding.model_validate({**good, missing: ()})
    with pytest.raises(ValidationError, match="Extra"):
        Finding.model_validate({**good, "title": "prose"})


def item(**changes: object) -> ChecklistItem:
    lines = (Line(subject=HOST, state="clear"),)
    base = {
        "id": "7.x",
        "step": 7,
        "mode": "evidence",
        "state": "clear",
        "denominator": Known[int].of(1, (A,)),
        "lines": lines,
    }
    return ChecklistItem.model_validate({**base, **changes})


def test_clear_needs_a_known_denominator_and_all_lines_clear() -> None:
    assert item().state == "clear"
    for bad in (
        {"denominator": Known[int].not_asked()},
        {"denominator": Known[int].of(2, (A,))},
        {"lines": (), "denominator": Known[int].of(0, (A,))},
        {"lines": (Line(subject=HOST, state="unknown"),)},
        {"lines": (Line(subject=HOST, state="open"),)},
    ):
        with pytest.raises(ValidationError, match="clear"):
            item(**bad)


@pytest.mark.parametrize("state", ["not_applicable", "cannot_be_had"])
def test_giving_up_needs_a_person_and_a_date(state: str) -> None:
    with pytest.raises(ValidationError, match="person"):
        item(state=state)
    assert item(state=state, by="C. Martin", at=1).by == "C. Martin"


def test_values_are_frozen_and_unknown_fields_refused() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        HOST.value = "1.1.1.1"
    with pytest.raises(ValidationError, match="Extra"):
        Ref.model_validate({"kind": "name", "ns": "", "value": "x", "more": 1})


def test_a_wrong_value_is_not_printed_by_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        Ref.model_validate({"kind": "name", "ns": "", "value": ["canary-7f3a"]})
    assert "canary-7f3a" not in str(caught.value)
