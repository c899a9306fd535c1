"""`Answers`: what people told the program (answers.toml): intake, line ticks, accepted risks, added assets, learned pins, owners."""

from __future__ import annotations

from typing import Literal

from agent.model.base import M, Us


class ItemAnswer(M):
    """Answer to one checklist item. `lines` maps a line's subject (`str(Ref)`) to `done` or `open` as a person set it."""

    answer: str | None = None
    state: Literal["answered", "done", "cannot_be_had", "not_applicable"] = "answered"
    by: str
    at: Us
    due: Us | None = None
    owner: str | None = None
    lines: dict[str, Literal["done", "open"]] = {}


class AcceptedRisk(M):
    """A finding (by its key) that the client decided to live with."""

    finding: str
    by: str
    at: Us
    why: str
    until: Us | None = None


class AddedAsset(M):
    """An asset no probe sees: GPS tracker, badge, safe, SIM card, portal."""

    id: str
    name: str
    device_class: str
    site: str
    by: str
    at: Us
    fields: dict[str, str] = {}


class Pin(M):
    """How a site's network is recognised."""

    gateway_mac: str | None = None
    public_ip: str | None = None
    learned: Us
    by: str


class Answers(M):
    items: dict[str, ItemAnswer] = {}
    accepted: tuple[AcceptedRisk, ...] = ()
    assets: tuple[AddedAsset, ...] = ()
    pins: dict[str, Pin] = {}
    owners: dict[str, str] = {}
    """str(Ref) or asset id -> ours | former | approved | client."""
