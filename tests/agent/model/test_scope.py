"""The pure rule of scope."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.scope import ScopeRule, parse_range

RULE = ScopeRule(
    allowed=("192.168.1.0/24", "fd00:1::/120"),
    never=("192.168.1.60", "192.168.1.200-192.168.1.215"),
    unreached=("192.168.1.128/28",),
    actions=("sweep",),
)


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("192.168.1.1", "allowed"),
        ("192.168.1.60", "never"),
        ("192.168.1.200", "never"),
        ("192.168.1.215", "never"),
        ("192.168.1.216", "allowed"),
        ("192.168.1.130", "denied"),
        ("192.168.2.1", "denied"),
        ("192.168.1.0", "denied"),
        ("192.168.1.255", "denied"),
        ("8.8.8.8", "denied"),
        ("255.255.255.255", "denied"),
        ("224.0.0.251", "denied"),
        ("fd00:1::7", "allowed"),
        ("fd00:2::7", "denied"),
        ("::ffff:192.168.1.1", "allowed"),
        ("::ffff:192.168.1.60", "never"),
        ("dc1.acme.local", "denied"),
        ("192.168.1.1 ", "denied"),
        ("", "denied"),
    ],
)
def test_verdicts(host: str, verdict: str) -> None:
    assert RULE.judge(host) == verdict


def test_an_action_needs_the_mandate() -> None:
    assert RULE.judge("192.168.1.1", "sweep") == "allowed"
    assert RULE.judge("192.168.1.1", "directory") == "mandate"
    assert RULE.judge("192.168.1.60", "directory") == "never"


def test_hosts_are_those_allowed_each_once() -> None:
    rule = ScopeRule(
        allowed=("10.0.0.0/29", "10.0.0.4/30", "10.1.0.0/31"), never=("10.0.0.2",), actions=()
    )
    hosts = list(rule.hosts())
    assert hosts == ["10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.6", "10.1.0.0", "10.1.0.1"]
    assert not list(ScopeRule(allowed=()).hosts())


@given(st.text(max_size=40))
def test_no_text_makes_the_judge_fail(text: str) -> None:
    assert RULE.judge(text) in ("allowed", "denied", "never")


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_range_covers_exactly_its_addresses(a: int, b: int) -> None:
    low, high = min(a, b), min(min(a, b) + abs(a - b) % 5000, 2**32 - 1)
    from ipaddress import IPv4Address

    nets = parse_range(f"{IPv4Address(low)}-{IPv4Address(high)}")
    assert sum(n.num_addresses for n in nets) == high - low + 1


@pytest.mark.parametrize("text", ["10.0.0.9-10.0.0.1", "a-b", "10.0.0.1-fd00::1", "10.0.0.0/99"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_range(text)


def test_a_copy_with_other_networks_judges_by_those() -> None:
    assert RULE.judge("192.168.1.7") == "allowed"
    other = RULE.model_copy(update={"allowed": ("10.0.0.0/24",), "never": ("10.0.0.9",)})
    assert other.judge("192.168.1.7") == "denied"
    assert (other.judge("10.0.0.7"), other.judge("10.0.0.9")) == ("allowed", "never")
    assert RULE.model_copy() == RULE
    with pytest.raises(ValueError, match="never"):
        RULE.model_copy(update={"never": 7})
