"""The gate: what is missing, out of date, outside the window, in the wrong network or not to be touched is refused in words."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from agent.engagement.engagement import Engagement
from agent.engagement.gate import Gate, checks, gate
from agent.engagement.here import Here
from agent.engagement.problems import Refusal
from agent.engagement.scoping import ot_ranges, scope_for, slow_ranges
from agent.model.answers import Answers, Pin
from agent.net.interfaces import Interface, Route
from tests.agent.engagement.sample import CLIENT, MAC, ROUTES, engagement, here

# Monday 2 March 2026, 10:00 at the site (Paris is one hour ahead in winter).
GOOD = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def never_called() -> Here:
    raise AssertionError("this machine was looked at")


def passes(
    e: Engagement, now: datetime = GOOD, h: Here | None = None, outside_window: bool = False
) -> Gate:
    return gate(e, "usine", now, vantage_probe=lambda: h or here(), outside_window=outside_window)


def refusal(
    e: Engagement, now: datetime = GOOD, h: Here | None = None, site: str = "usine", **more: object
) -> Refusal:
    with pytest.raises(Refusal) as caught:
        gate(e, site, now, vantage_probe=lambda: h or here(), **more)  # type: ignore[arg-type]
    assert caught.value.next_step
    assert caught.value.next_step in str(caught.value)
    return caught.value


def test_all_in_order(tmp_path: Path) -> None:
    g = passes(engagement(tmp_path))
    assert (g.site.id, g.quiet, g.place.interface) == ("usine", True, "eth0")
    assert (g.place.address, g.place.gateway_mac) == ("192.168.7.20", MAC)
    assert g.slow_ranges == ("192.168.8.0/24", "192.168.12.0/28")
    assert gate(engagement(tmp_path), "usine", GOOD.timestamp(), vantage_probe=here).site == g.site


LINES = [
    ('signed_by = "Anne Durand, DG"', "signed_by"),
    ("signed_on = 2026-01-05", "signed_on"),
    ("valid = { from = 2026-01-10, to = 2026-06-30 }", "valid.from, valid.to"),
    ("from = 2026-01-10, ", "valid.from"),
    ('document = "mandat.pdf"', "document"),
    ('allows = ["sweep", "directory"]', "allows"),
    ("data_processing_agreement = true", "data_processing_agreement"),
    ("staff_informed = true", "staff_informed"),
    ("keep_until = 2026-12-31", "keep_until"),
]


@pytest.mark.parametrize(("line", "key"), LINES)
def test_a_mandate_that_lacks_something(tmp_path: Path, line: str, key: str) -> None:
    found = refusal(engagement(tmp_path, CLIENT.replace(line, "")))
    assert found.code == 4
    assert found.message == f"the mandate is not complete: {key}"


def test_no_mandate_at_all(tmp_path: Path) -> None:
    start, end = CLIENT.index("[mandate]"), CLIENT.index("[care]")
    found = refusal(engagement(tmp_path, CLIENT[:start] + CLIENT[end:]))
    assert found.code == 4 and "signed_by, signed_on, valid.from" in found.message


@pytest.mark.parametrize(
    ("now", "words"),
    [
        # The site's own date counts: 23:30 UTC on 9 January is 10 January in Paris.
        (datetime(2026, 1, 9, 22, 59, tzinfo=UTC), "begins on 2026-01-10"),
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), "ended on 2026-06-30; today is 2026-07-01"),
    ],
)
def test_a_mandate_out_of_date(tmp_path: Path, now: datetime, words: str) -> None:
    found = refusal(engagement(tmp_path), now, outside_window=True)
    assert found.code == 4 and words in found.message


@pytest.mark.parametrize(
    "now",
    [datetime(2026, 1, 9, 23, 0, tzinfo=UTC), datetime(2026, 6, 30, 21, 59, tzinfo=UTC)],
)
def test_the_first_and_last_minute_of_a_mandate(tmp_path: Path, now: datetime) -> None:
    assert passes(engagement(tmp_path), now, outside_window=True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("data_processing_agreement = true", "data_processing_agreement = false", "GDPR art. 28"),
        ('["sweep", "directory"]', '["directory"]', "does not allow 'sweep'; it allows directory"),
        ("signed_on = 2026-01-05", "signed_on = 2026-04-01", "which is still to come"),
    ],
)
def test_a_mandate_that_does_not_cover_it(tmp_path: Path, old: str, new: str, words: str) -> None:
    found = refusal(engagement(tmp_path, CLIENT.replace(old, new)))
    assert found.code == 4 and words in found.message


def test_an_action_the_mandate_does_not_name(tmp_path: Path) -> None:
    assert refusal(engagement(tmp_path), action="endpoints").code == 4
    assert gate(engagement(tmp_path), "usine", GOOD, vantage_probe=here, action="directory")


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (datetime(2026, 3, 2, 8, 29, 59, tzinfo=UTC), "Mon 2026-03-02 09:30"),
        (datetime(2026, 3, 2, 10, 30, tzinfo=UTC), "Tue 2026-03-03 09:30"),
        (datetime(2026, 3, 6, 10, 30, tzinfo=UTC), "Mon 2026-03-09 09:30"),
        # In summer Paris is two hours ahead: 08:45 UTC is outside in winter, 07:29 UTC in summer.
        (datetime(2026, 6, 1, 7, 29, tzinfo=UTC), "Mon 2026-06-01 09:30"),
    ],
)
def test_outside_the_window(tmp_path: Path, now: datetime, opens: str) -> None:
    found = refusal(engagement(tmp_path), now)
    assert found.code == 4
    assert "outside its scan window Mon-Fri 09:30-11:30" in found.message
    assert opens in found.next_step and "--now" in found.next_step
    assert passes(engagement(tmp_path), now, outside_window=True)


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 2, 8, 30, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 29, 59, tzinfo=UTC),
        datetime(2026, 6, 1, 7, 30, tzinfo=UTC),
    ],
)
def test_inside_the_window_at_its_edges(tmp_path: Path, now: datetime) -> None:
    assert passes(engagement(tmp_path), now)


def test_a_window_without_time_zone_is_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    e = engagement(tmp_path, CLIENT.replace('timezone = "Europe/Paris"\n', ""))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert passes(e, datetime(2026, 3, 2, 0, 30, tzinfo=UTC))
        assert refusal(e, datetime(2026, 3, 2, 2, 30, tzinfo=UTC)).code == 4
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_site_has_to_be_named_and_known(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    with pytest.raises(Refusal, match="several sites: usine, depot") as caught:
        gate(e, None, GOOD, vantage_probe=never_called)
    assert caught.value.code == 2
    with pytest.raises(Refusal, match="there is no site of that name") as caught:
        gate(e, "nowhere", GOOD, vantage_probe=never_called)
    assert caught.value.code == 2


def test_the_scope_of_a_site(tmp_path: Path) -> None:
    rule = scope_for(engagement(tmp_path), "usine")
    expected = {
        "192.168.7.10": "allowed",
        "192.168.8.10": "allowed",
        "192.168.7.60": "never",
        "192.168.9.10": "never",  # guests
        "192.168.10.10": "denied",  # passive
        "192.168.11.10": "denied",  # industrial, not opted in
        "192.168.12.10": "allowed",  # industrial, opted in
        "10.9.0.1": "denied",
        "192.168.13.1": "denied",
    }
    assert {host: rule.judge(host, "sweep") for host in expected} == expected
    assert rule.judge("192.168.7.10", "endpoints") == "mandate"
    assert ot_ranges(engagement(tmp_path), "usine") == ("192.168.12.0/28",)
    assert "192.168.12.0/28" in slow_ranges(engagement(tmp_path), "usine")


ONE = "[[site]]\nid = 'one'\nnetworks = {}\n"


def with_networks(path: Path, networks: str) -> Engagement:
    start, end = CLIENT.index("[[site]]"), CLIENT.index("[[former]]")
    client = CLIENT[:start] + ONE.format(networks) + CLIENT[end:]
    return engagement(
        path, client.replace('"192.168.7.1 at usine"', "").replace('at = "usine"', "")
    )


@pytest.mark.parametrize(
    "networks",
    [
        "[]",
        "[{ net = '192.168.1.0/24', use = 'guest' }]",
        "[{ net = '192.168.1.0/24', care = 'passive' }]",
        "[{ net = '192.168.1.0/32' }]\nnever = [{ net = '192.168.1.0/24', why = 'x' }]",
    ],
)
def test_an_empty_scope_is_refused(tmp_path: Path, networks: str) -> None:
    found = refusal(with_networks(tmp_path, networks), site="one")
    assert found.code == 2 and "is empty" in found.message


def test_more_than_a_16_needs_to_be_meant(tmp_path: Path) -> None:
    e = with_networks(tmp_path, "[{ net = '10.0.0.0/16' }, { net = '10.1.0.0/32' }]")
    found = refusal(e, site="one")
    assert found.code == 2 and "65537 addresses" in found.message and "--wide" in found.next_step
    assert scope_for(e, "one", wide=True).size() == 65537
    assert scope_for(with_networks(tmp_path, "[{ net = '10.0.0.0/16' }]"), "one")


@pytest.mark.parametrize(
    ("host", "code", "words"),
    [
        ("192.168.7.60", 4, "`never`"),
        ("192.168.9.7", 4, "`never`"),
        ("192.168.10.7", 4, "outside the networks"),
        ("8.8.8.8", 4, "outside the networks"),
        ("printer.local", 2, "is none"),
    ],
)
def test_a_host_that_is_named_but_not_to_be_asked(
    tmp_path: Path, host: str, code: int, words: str
) -> None:
    found = refusal(engagement(tmp_path), only=("192.168.7.5", host))
    assert found.code == code and words in found.message
    assert gate(engagement(tmp_path), "usine", GOOD, vantage_probe=here, only=("192.168.7.5",)).only


def test_another_network_with_the_same_addresses(tmp_path: Path) -> None:
    found = refusal(engagement(tmp_path), h=here("02:aa:bb:cc:dd:ee"))
    assert found.code == 4
    assert "not the network of site usine" in found.message
    assert "02:aa:bb:cc:dd:ee" in found.message and MAC in found.message


def test_a_gateway_the_machine_has_not_talked_to(tmp_path: Path) -> None:
    found = refusal(engagement(tmp_path), h=here(None))
    assert found.code == 4
    assert "no MAC address of the gateway 192.168.7.1" in found.message
    assert "ping -c 1 192.168.7.1" in found.next_step


def test_no_pin(tmp_path: Path) -> None:
    found = refusal(engagement(tmp_path), site="depot")
    assert found.code == 4
    assert "site depot has no pin" in found.message and "--site depot" in found.next_step
    only_public = CLIENT.replace('gateway_mac = "00:00:5e:00:53:01", ', "")
    assert "has no pin" in refusal(engagement(tmp_path, only_public)).message


def test_no_gateway_and_no_way_to_look(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    assert "no default gateway" in refusal(e, h=replace(here(), routes=())).message
    found = refusal(e, h=Here(problem="/proc/net/arp cannot be read: Permission denied"))
    assert "cannot check which network this is: /proc/net/arp" in found.message
    assert found.code == 4


def test_a_learned_pin_counts_beside_the_written_one(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    pin = Pin(gateway_mac="02:aa:bb:cc:dd:ee", learned=0, by="me")
    learned = replace(e, answers=Answers(pins={"usine": pin, "depot": pin}))
    assert passes(learned, h=here("02:aa:bb:cc:dd:ee"))
    assert passes(learned)
    assert gate(learned, "depot", GOOD, vantage_probe=lambda: here("02:aa:bb:cc:dd:ee"))


def test_a_vpn_that_carries_the_same_addresses(tmp_path: Path) -> None:
    vpn = (*ROUTES, Route("tun0", IPv4Network("192.168.8.0/24")))
    found = refusal(engagement(tmp_path), h=replace(here(), routes=vpn))
    assert found.code == 4
    assert "192.168.8.0/24 would leave by tun0, not by eth0" in found.message


def test_a_vlan_of_the_same_card_is_no_other_way(tmp_path: Path) -> None:
    vlan = (*ROUTES, Route("vl8", IPv4Network("192.168.8.0/24")))
    interfaces = (*here().interfaces, Interface("vl8", "", ("192.168.8.20/24",), ("eth0",)))
    assert passes(engagement(tmp_path), h=replace(here(), routes=vlan, interfaces=interfaces))


def test_the_default_route_in_the_sites_network_counts(tmp_path: Path) -> None:
    two = (*ROUTES, Route("wlan0", IPv4Network("0.0.0.0/0"), "192.168.0.1", 50))
    g = passes(
        engagement(
            tmp_path,
            CLIENT.replace(
                '{ net = "192.168.8.0/24", use = "cameras", care = "slow" },', ""
            ).replace(
                '{ net = "192.168.12.0/28", use = "production", care = "ot", ot_ports = true },', ""
            ),
        ),
        h=replace(here(), routes=two),
    )
    assert g.place.interface == "eth0"
    # Networks behind routers would leave by the preferred default route, which is elsewhere.
    found = refusal(engagement(tmp_path), h=replace(here(), routes=two))
    assert "would leave by wlan0" in found.message


def test_a_range_of_this_machine_needs_no_pin_and_no_document(tmp_path: Path) -> None:
    e = with_networks(tmp_path, "[{ net = '127.77.1.0/24' }]")
    g = gate(e, "one", GOOD, vantage_probe=never_called)
    assert (g.place.interface, g.place.gateway_mac) == ("lo", None)
    mixed = with_networks(tmp_path, "[{ net = '127.77.1.0/24' }, { net = '192.168.7.0/24' }]")
    assert "has no pin" in refusal(mixed, site="one").message


def test_one_site_of_this_machine_does_not_spare_the_others_the_document(tmp_path: Path) -> None:
    start, end = CLIENT.index("networks = ["), CLIENT.index("never = [")
    client = CLIENT[:start] + 'networks = [{ net = "127.9.0.0/24" }]\n' + CLIENT[end:]
    found = refusal(engagement(tmp_path, client.replace('document = "mandat.pdf"', "")))
    assert found.message == "the mandate is not complete: document"


def test_all_checks_are_told_though_the_first_refuses(tmp_path: Path) -> None:
    e = engagement(tmp_path, CLIENT.replace("staff_informed = true", ""))
    sunday = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    found = checks(e, "depot", sunday, lambda: here(None))
    assert [(c.subject, c.refusal is None) for c in found] == [
        ("mandate", False),
        ("scope", True),
        ("window", True),
        ("pin", False),
    ]
    # In every order of faults the gate refuses when any check does.
    for mandate, window, pin in itertools.product((True, False), repeat=3):
        e = engagement(tmp_path, CLIENT if mandate else CLIENT.replace("staff_informed = true", ""))
        now, h = GOOD if window else sunday, here() if pin else here(None)
        told = checks(e, "usine", now, partial(Here, h.interfaces, h.routes, h.neighbours))
        assert sum(c.refusal is not None for c in told) == 3 - mandate - window - pin
        if mandate and window and pin:
            assert passes(e, now, h)
        else:
            assert refusal(e, now, h).code == 4
