"""What a device says of itself unasked on its link, from the frame to the asset: the inventory of LLDP-MED, the options of DHCP."""

from __future__ import annotations

import pytest

from agent.model.asset import Asset
from agent.model.bodies_udp import DhcpClient, LinkNeighbour
from agent.model.observation import Standing
from scanners.udp import frames, neighbour_frames
from tests.agent.inventory.seen import Story, arp, at
from tests.scanners.udp import recorded_frames as recorded

HERE = "192.168.1.5"
PLAIN_CARD = "00:1b:21:00:00:10"
WINDOWS = (1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)


def one(*seen: LinkNeighbour | DhcpClient, standing: Standing = "direct") -> Asset:
    story = Story().run().see(HERE, arp(PLAIN_CARD)).see(HERE, *seen, standing=standing)
    return at(story.inventory(), HERE)


def attrs(asset: Asset) -> dict[str, str | None]:
    return {
        name: asset.attrs[name].value
        for name in ("vendor", "model", "serial", "firmware")
        if name in asset.attrs
    }


def told(**fields: str) -> LinkNeighbour:
    return LinkNeighbour.model_validate({"protocol": "lldp", "name": "x", **fields})


def test_the_inventory_of_lldp_med_becomes_attributes_of_the_device() -> None:
    """ANSI/TIA-1057, 10.2.6: firmware, serial number, manufacturer and model, from the frame of a telephone."""
    phone = neighbour_frames.lldp(frames.frame(recorded.PHONE).body)
    assert phone.serial == "12345678"
    asset = one(phone.model_copy(update={"serial": "3146019091637", "firmware": "66.85.0.5"}))
    assert attrs(asset) == {
        "vendor": "Yealink",
        "model": "T42S",
        "serial": "3146019091637",
        "firmware": "66.85.0.5",
    }
    assert asset.attrs["serial"].state == "known"
    assert len(asset.attrs["serial"].candidates[0][1]) == 1


def test_a_serial_that_many_devices_have_is_none() -> None:
    assert attrs(one(told(serial="12345678"))).get("serial") is None


def test_the_device_s_own_word_counts_more_than_its_card() -> None:
    asset = one(told(manufacturer="Cisco Systems"))
    assert asset.attrs["vendor"].value == "Cisco Systems"
    # The maker of the card stays as a candidate.
    assert len(asset.attrs["vendor"].candidates) == 2


def test_what_is_not_announced_is_not_told() -> None:
    asset = one(told())
    assert not {"model", "serial", "firmware"} & {
        n for n, v in asset.attrs.items() if v.state == "known"
    }


def test_a_claim_of_a_person_is_no_word_of_the_device() -> None:
    asset = one(told(serial="3146019091637"), standing="claimed")
    assert "serial" not in asset.attrs or asset.attrs["serial"].value is None


def test_two_serials_in_one_run_are_a_conflict() -> None:
    asset = one(told(serial="3146019091637"), told(serial="3146019091638"))
    assert asset.attrs["serial"].state == "conflict"


def windows_client() -> DhcpClient:
    frame = recorded.DISCOVER.replace(b"\x37\x04\x01\x0f\x03\x06", b"\x37\x0e" + bytes(WINDOWS), 1)
    # Length of IP and of UDP: the list is ten octets longer.
    ip, udp = int.from_bytes(frame[16:18], "big") + 10, int.from_bytes(frame[38:40], "big") + 10
    frame = frame[:16] + ip.to_bytes(2, "big") + frame[18:38] + udp.to_bytes(2, "big") + frame[40:]
    client = frames.dhcp(frames.udp(frames.frame(frame).body).data).client
    assert client is not None
    return client


def test_how_a_client_asks_for_an_address_tells_its_system() -> None:
    client = windows_client()
    assert client.parameters == WINDOWS
    asset = one(client)
    assert asset.attrs["os"].value == "Windows"
    assert [c for c, _ in asset.device_class.candidates][:1] == ["workstation"]
    # A hint: a server may ask in the same words.
    assert asset.class_conf < 900
    without_card = Story().run().see(HERE, client).inventory()
    assert at(without_card, HERE).device_class.value is None


@pytest.mark.parametrize(
    ("asks", "system"),
    [
        ((1, 121, 3, 6, 15, 119, 252, 95, 44, 46), "macOS"),
        ((1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114), "Android"),
        ((1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42), "Linux"),
        ((1, 3, 6, 15), None),
        ((15, 6, 3, 1), None),
        ((), None),
    ],
)
def test_the_order_of_the_options_is_what_tells(asks: tuple[int, ...], system: str | None) -> None:
    asset = one(DhcpClient(mac=PLAIN_CARD, parameters=asks))
    assert (asset.attrs["os"].value if "os" in asset.attrs else None) == system
