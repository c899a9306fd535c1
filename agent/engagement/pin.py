"""Is this the site's network? 192.168.1.0/24 exists everywhere: a site is recognised by the MAC address of its gateway.

Only the tables of this machine are read; no packet is sent, so a gateway the machine has not talked to yet is asked for, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface

from agent.engagement.client_file import Site
from agent.engagement.here import Here
from agent.engagement.problems import Refusal
from agent.engagement.scoping import swept
from agent.model.answers import Answers
from agent.model.scope import parse_range
from agent.net.interfaces import CannotLook, Route


@dataclass(frozen=True)
class Place:
    """Where packets will leave. All None for a range that is this machine itself."""

    interface: str | None = None
    address: str | None = None
    gateway: str | None = None
    gateway_mac: str | None = None


def pins_of(site: Site, answers: Answers) -> tuple[str, ...]:
    """Gateway MACs a person gave for *site*, in client.toml or by `init --site`."""
    told = (site.here_if.gateway_mac if site.here_if else None,)
    learned = answers.pins.get(site.id)
    return tuple(dict.fromkeys(m for m in (*told, learned.gateway_mac if learned else None) if m))


def check_pin(site: Site, answers: Answers, here: Here) -> Place:
    """The place packets for *site* leave from. Raises `Refusal` (4) when it is not, or cannot be shown to be, that site's network."""
    pins = pins_of(site, answers)
    if not pins:
        raise Refusal(
            4,
            f"site {site.id} has no pin: nothing tells its network from another one with the same addresses",
            f"stand at {site.id} and give: handover init ENG --site {site.id}",
        )
    gateway, mac = _gateway(here, site)
    if mac not in pins:
        raise Refusal(
            4,
            f"this is not the network of site {site.id}: the gateway here, {gateway.gateway} on "
            f"{gateway.interface}, has MAC {mac}; the site's has {' or '.join(pins)}",
            f"go to {site.id}, or, if its gateway was replaced: handover init ENG --site {site.id} --relearn",
        )
    _check_ways(site, here, gateway)
    return Place(
        interface=gateway.interface,
        address=_source(site, here, gateway),
        gateway=gateway.gateway,
        gateway_mac=mac,
    )


def learn_pin(site: Site, here: Here) -> str:
    """The gateway's MAC as the neighbour table holds it. Raises `Refusal` (4) when it cannot be read, or this machine has no address in
    any network of *site*.
    """
    gateway, mac = _gateway(here, site)
    if not _inside(site, here):
        raise Refusal(
            4,
            f"this machine has no address in any network of site {site.id}: it does not stand there",
            "connect to that network, or add the network you are in to the site",
        )
    _check_ways(site, here, gateway)
    return mac


def _gateway(here: Here, site: Site) -> tuple[Route, str]:
    if here.problem:
        raise Refusal(
            4,
            f"cannot check which network this is: {here.problem}",
            "run from a Linux machine, or import a run made there",
        )
    gateways = here.gateways()
    if not gateways:
        raise Refusal(
            4,
            "cannot check which network this is: this machine has no default gateway",
            f"connect it to the network of {site.id} (ip route shows a line beginning with default)",
        )
    best = gateways[0]
    for route in gateways:
        # Several default routes: the one through the interface that stands in the site's network counts.
        if _inside(site, here, route.interface):
            best = route
            break
    mac = here.mac_of(best.gateway or "", best.interface)
    if mac is None:
        raise Refusal(
            4,
            f"cannot check which network this is: the neighbour table holds no MAC address of the gateway {best.gateway}",
            f"make this machine talk to it once, such as: ping -c 1 {best.gateway}",
        )
    return best, mac


def _inside(site: Site, here: Here, interface: str | None = None) -> bool:
    nets = [net for n in site.networks for net in parse_range(n.net)]
    return any(
        ip_interface(text).ip in net
        for i in here.interfaces
        if interface in (None, i.name)
        for text in i.addresses
        for net in nets
    )


def _check_ways(site: Site, here: Here, gateway: Route) -> None:
    """Every network of the site must leave by the pinned gateway's interface: another one leads to another network of that name.

    Another gateway on that interface is a router of the site's own link, and is fine.
    """
    for network in site.networks:
        if not swept(network):
            continue
        for net in parse_range(network.net):
            try:
                for host, way in here.ways_to(net):
                    if not way.own and not here.rests_on(way.interface, gateway.interface):
                        raise Refusal(
                            4,
                            f"packets to {net} would leave by {way.interface}, not by {gateway.interface} "
                            f"where the gateway of site {site.id} is (asked for {host})",
                            f"disconnect {way.interface} (a VPN, a second network card) and try again",
                        )
            except CannotLook as problem:
                raise Refusal(
                    4,
                    f"cannot check which way packets to {net} would take: {problem}",
                    "see that `ip route get` answers on this machine (package iproute2)",
                ) from None


def _source(site: Site, here: Here, gateway: Route) -> str | None:
    """Our address on the interface, rather the one in a network of the site."""
    nets = [net for n in site.networks for net in parse_range(n.net)]
    for i in here.interfaces:
        if i.name == gateway.interface:
            for text in i.addresses:
                if any(ip_interface(text).ip in net for net in nets):
                    return str(ip_interface(text).ip)
    return here.address_on(gateway.interface)


def left(site: Site, place: Place, here: Here) -> str:
    """Why this machine no longer stands at *place*, where the gate found it; empty while it does.

    A MAC that the neighbour table has dropped for the moment (a sweep fills it) proves nothing: all else must still be as it was.
    """
    if here.problem:
        return f"this machine's tables cannot be read any more: {here.problem}"
    gateway = next(
        (
            r
            for r in here.gateways()
            if (r.interface, r.gateway) == (place.interface, place.gateway)
        ),
        None,
    )
    if gateway is None or place.gateway is None:
        return f"this machine left the network of site {site.id}: no gateway {place.gateway} on {place.interface} any more"
    mac = here.mac_of(place.gateway, gateway.interface)
    if mac not in (None, place.gateway_mac):
        return f"this machine left the network of site {site.id}: the gateway {place.gateway} has MAC {mac} now"
    if place.address is not None and not any(
        str(ip_interface(text).ip) == place.address for i in here.interfaces for text in i.addresses
    ):
        return f"this machine has lost its address {place.address} at site {site.id}"
    try:
        _check_ways(site, here, gateway)
    except Refusal as refusal:
        return refusal.message
    return ""
