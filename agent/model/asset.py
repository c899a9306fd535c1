"""`Asset`: one physical or virtual thing, put together from observations by identity, never by address or MAC alone."""

from __future__ import annotations

from typing import Any, Literal

from agent.model.base import Id, M, Permille, Us
from agent.model.known import Known, Why
from agent.model.ref import Ref

DEVICE_CLASSES: tuple[str, ...] = (
    "gateway",
    "router",
    "firewall",
    "wireless_controller",
    "access_point",
    "switch",
    "fc_switch",
    "printer",
    "nas",
    "san",
    "hypervisor",
    "virtual_machine",
    "voip_phone",
    "pbx",
    "server",
    "domain_controller",
    "workstation",
    "laptop",
    "mobile",
    "tablet",
    "ups",
    "pdu",
    "camera",
    "nvr",
    "alarm",
    "access_control",
    "hvac",
    "building_control",
    "lighting",
    "voice_assistant",
    "plc",
    "manufacturing",
    "iot",
    "media",
    "appliance",
    "kvm",
    "bmc",
    "unknown",
)
Presence = Literal["live", "known_unseen", "claimed", "gone"]


class Identifier(M):
    """What tells this asset from others. `demoted` says why an identifier that should be unique is not trusted."""

    ref: Ref
    strength: Literal["unique", "shared", "weak"]
    demoted: str | None = None
    evidence: tuple[Id, ...]


class Port(M):
    """A network interface. `virtual`: VRRP, HSRP or a locally administered MAC."""

    mac: Ref | None
    addrs: tuple[Ref, ...]
    name: str | None = None
    virtual: bool = False


class Asset(M):
    """`id` comes from the strongest identifier; `same_as` carries every other id it went by, so that runs can be compared.

    `device_class` is what the box is first of all, `class_why` the signs that decided, `roles` what it is as well (a firewall that is
    the gateway, a NAS that runs virtual machines), each with the observations that say so.
    """

    id: Id
    same_as: tuple[Id, ...]
    identifiers: tuple[Identifier, ...]
    ports: tuple[Port, ...]
    merged: tuple[Why, ...]
    kept_apart: tuple[Why, ...]
    presence: Presence
    part_of: Id | None = None
    hosted_on: Id | None = None
    device_class: Known[str]
    class_conf: Permille
    class_why: tuple[Why, ...] = ()
    roles: dict[str, tuple[Id, ...]] = {}
    attrs: dict[str, Known[Any]]
    sites: tuple[str, ...] = ()
    first_seen: Us
    last_seen: Us
    evidence: tuple[Id, ...] = ()

    @property
    def addrs(self) -> tuple[Ref, ...]:
        return tuple(a for p in self.ports for a in p.addrs)
