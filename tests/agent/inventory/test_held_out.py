"""Is the catalogue as right as it says on devices it was not fitted to? Evidence in `held_out.toml`, written from makers' documents."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from agent.catalogs.evidence import load_evidence
from agent.model import bodies_services, bodies_udp
from agent.model.asset import DEVICE_CLASSES, Asset
from agent.model.bodies import Body
from tests.agent.inventory.seen import Story, arp, banner, name, page, port, tls

TABLE = load_evidence()


@cache
def devices() -> list[dict[str, Any]]:
    path = Path(__file__).with_name("held_out.toml")
    found: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["device"]
    return found


def sights(seen: dict[str, Any]) -> Iterator[Body]:
    """Bodies as the probes write them."""
    yield arp(seen.get("mac", "00:00:5e:00:53:aa"))
    yield from map(port, seen.get("ports", ()))
    if seen.keys() & {"title", "server", "realm", "location"}:
        told: dict[str, Any] = {
            k: seen[k] for k in ("title", "server", "realm", "location") if k in seen
        }
        yield page("").model_copy(update=told)
    if seen.keys() & {"subject", "issuer"}:
        mine = seen.get("subject", "CN=localhost")
        yield tls("aa", mine).model_copy(
            update={"subject": mine, "issuer": seen.get("issuer", mine)}
        )
    if "ssh" in seen:
        yield banner(seen["ssh"])
    if "hostname" in seen:
        yield name(seen["hostname"], "dhcp")
    for row in seen.get("mdns", ()):
        yield bodies_udp.MdnsService(**row)
    yield from _services(seen)


def _services(seen: dict[str, Any]) -> Iterator[Body]:
    if "upnp" in seen:
        yield bodies_udp.UpnpDevice(**seen["upnp"])
    if "wsd" in seen:
        yield bodies_udp.WsdDevice(**seen["wsd"])
    if "link" in seen:
        yield bodies_udp.LinkNeighbour(**seen["link"])
    if "bacnet" in seen:
        yield bodies_udp.BacnetDevice(**seen["bacnet"])
    if "dhcp" in seen:
        yield bodies_udp.DhcpClient(mac=seen.get("mac", "00:00:5e:00:53:aa"), **seen["dhcp"])
    if "sip" in seen:
        yield bodies_udp.SipPeer(status=200, user_agent=seen["sip"])
    if "enterprise" in seen:
        yield bodies_udp.SnmpEngine(engine_id="80", enterprise=seen["enterprise"], form="octets")
    if "ipp" in seen:
        yield bodies_services.IppPrinter(port=631, status=0, make_and_model=seen["ipp"])
    if "rtsp" in seen:
        yield bodies_services.OptionsAnswer(
            port=554, protocol="rtsp", status=200, server=seen["rtsp"]
        )
    if "ntlm" in seen:
        yield bodies_services.NtlmChallenge(port=445, through="smb", os_version=seen["ntlm"])
    if "directory" in seen:
        yield bodies_services.LdapRootDse(port=389, active_directory=True)
    if "kerberos" in seen:
        yield bodies_services.KerberosHello(port=88, error=68)
    if "api" in seen:
        yield bodies_services.ApiAbout(port=443, api="vsphere", **seen["api"])


@cache
def verdicts() -> list[tuple[str, str, Asset]]:
    out: list[tuple[str, str, Asset]] = []
    for device in devices():
        story = Story().run("a")
        story.see("192.0.2.10", *sights(device["seen"]))
        [asset] = story.inventory().assets
        out.append((device["id"], device["class"], asset))
    return out


def right(said: str, truth: str) -> bool:
    """A server is a fair answer for a domain controller; the other way round is wrong."""
    return TABLE.is_a(truth, said)


def test_every_class_of_the_rotation_is_among_them() -> None:
    truths = {d["class"] for d in devices()}
    assert len(devices()) >= 60
    assert truths <= set(DEVICE_CLASSES)
    # A virtual machine shows as what it serves; an appliance is a word for what fits nowhere else.
    assert set(DEVICE_CLASSES) - truths <= {"unknown", "virtual_machine", "appliance"}
    assert all(len(d["source"]) > 9 for d in devices())


def test_what_is_said_of_devices_nobody_fitted_is_right() -> None:
    tally: Counter[str] = Counter()
    sure: list[bool] = []
    print()
    for id_, truth, asset in verdicts():
        said = asset.device_class.value
        how = "unknown" if said is None else "right" if right(said, truth) else "WRONG"
        tally[how] += 1
        if how != "right":
            print(f"{how:8}{id_:22}{truth:20}{said} {asset.class_conf}")
        if said is not None and asset.class_conf >= 900:
            sure.append(how == "right")
    print(f"{dict(tally)}; of {len(sure)} said with 90 % and more, {sum(sure)} right")
    assert len(sure) >= 30
    assert all(sure)
    assert tally["WRONG"] == 0
    assert tally["right"] >= 50


def test_every_line_of_a_bundle_becomes_an_observation() -> None:
    """A line no probe could have written would be no evidence."""
    one_page, one_certificate = {"title", "server", "realm", "location"}, {"subject", "issuer"}
    for device in devices():
        keys = set(device["seen"])
        kinds = {b.kind for b in sights(device["seen"])}
        lone = keys - one_page - one_certificate - {"mac"}
        wanted = 1 + len(lone) + bool(keys & one_page) + bool(keys & one_certificate)
        assert len(kinds) == wanted, device["id"]
