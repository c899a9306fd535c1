"""Devices as CSV for the import of configurations in IT Glue (column names as in its configuration import template)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.model.asset import Asset
from agent.model.judged import Judged
from reports.html.texts import Lang, iso_day, strings
from reports.to_csv import table

NAME = "itglue-csv"
HEADS = (
    "organization",
    "name",
    "hostname",
    "configuration_type",
    "configuration_status",
    "location",
    "manufacturer",
    "model",
    "serial_number",
    "operating_system",
    "primary_ip",
    "mac_address",
    "notes",
)
_STATUS = {"live": "Active", "known_unseen": "Active", "claimed": "Inactive", "unseen": "Active"}


def write(judged: Judged, lang: Lang, folder: Path) -> Path:
    """Writes configurations.itglue.csv into *folder*. Raises `OSError`."""
    path = folder / "configurations.itglue.csv"
    path.write_bytes(table([HEADS, *(_row(judged, lang, a) for a in judged.assets)]))
    return path


def _row(judged: Judged, lang: Lang, a: Asset) -> list[object]:
    label = judged.labels.get(a.id, "")
    kind = a.device_class.value or "unknown"
    addrs = [r.value for r in a.addrs]
    macs = [p.mac.value for p in a.ports if p.mac and not p.virtual]
    also = ", ".join(addrs[1:])
    return [
        judged.engagement.client,
        label or a.id,
        _known(a, "name"),
        strings(lang).get(f"class_{kind}", kind),
        _STATUS[a.presence],
        ", ".join(a.sites),
        _known(a, "vendor"),
        _known(a, "model"),
        _known(a, "serial"),
        _known(a, "os"),
        addrs[0] if addrs else "",
        macs[0] if macs else "",
        f"handover {a.id}, {iso_day(a.last_seen)}" + (f", {also}" if also else ""),
    ]


def _known(a: Asset, name: str) -> Any:
    value = a.attrs.get(name)
    return value.value if value is not None and value.state == "known" else ""
