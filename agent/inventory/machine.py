"""Attributes of a machine that told of itself (an endpoint document), under the names the inventory uses."""

from __future__ import annotations

from collections.abc import Iterator

from agent.model.endpoint_document import Machine

GIB = 1024**3


def machine_attributes(m: Machine) -> Iterator[tuple[str, str]]:
    """(name, value) of everything told."""
    system = " ".join(t for t in (m.os, m.version, f"({m.patch})" if m.patch else "") if t)
    firmware = " ".join(t for t in (m.bios, m.bios_date) if t)
    cpu = f"{m.cpu} × {m.cores}" if m.cpu and m.cores else m.cpu
    told = (
        *(("vendor", m.vendor), ("model", m.model), ("serial", m.serial), ("os", system)),
        *(("firmware", firmware), ("cpu", cpu), ("domain", m.domain or m.workgroup)),
        ("memory", f"{max(1, round(m.memory / GIB))} GiB" if m.memory else ""),
    )
    for name, value in told:
        if value.strip():
            yield name, value.strip()
