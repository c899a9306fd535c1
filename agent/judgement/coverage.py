"""How much of each of the six subjects was looked at. A total is given only where it is known; `None` is not zero."""

from __future__ import annotations

from agent.judgement.unknowns import fed_subjects
from agent.judgement.world import World, class_of
from agent.model.asset import Asset
from agent.model.bodies_snmp import SnmpSystem
from agent.model.judged import SUBJECTS, Coverage, Unknown


def systems(world: World) -> list[Asset]:
    """What is there, as far as we saw or were told; what was silent lately may only be asleep."""
    return list(world.inventory.assets)


def not_looked(world: World) -> int:
    """Systems of which nothing beyond their being there was answered, or that did not answer the newest sweep."""
    return sum(not world.looked.looked_into(a.addrs) for a in systems(world))


def coverage(world: World, unknowns: tuple[Unknown, ...]) -> tuple[Coverage, ...]:
    """One entry a subject; `reasons` are causes of catalogs/unknowns.toml."""
    fed = fed_subjects(world)
    out: list[Coverage] = []
    for subject in SUBJECTS:
        if subject == "devices":
            there = systems(world)
            looked = len(there) - not_looked(world)
            total = len(there) if world.looked.all_whole else None
            reasons = tuple(dict.fromkeys(u.cause for u in unknowns if _of_devices(u)))
            out.append(Coverage(subject=subject, looked=looked, total=total, reasons=reasons))
        else:
            # Of a subject without a probe nobody was looked at.
            reason: tuple[str, ...] = () if subject in fed else (f"subject_{subject}",)
            looked, total = agents(world) if subject == "snmp" else 0, None
            if subject == "leftovers":
                looked, total, causes = machines(world)
                reason += causes
            out.append(Coverage(subject=subject, looked=looked, total=total, reasons=reason))
    return tuple(out)


def machines(world: World) -> tuple[int, int | None, tuple[str, ...]]:
    """(looked into to the end, of how many where that is known, what is missing) of the machines that run programs."""
    all_of_them = world.inventory.inspections
    whole = sum(i.whole for i in all_of_them)
    known = world.looked.all_whole and not any(class_of(a) == "unknown" for a in systems(world))
    causes = [
        *(["endpoint_not_looked"] if any(i.channel == "" for i in all_of_them) else []),
        *(["endpoint_partly"] if any(i.channel and not i.whole for i in all_of_them) else []),
    ]
    return whole, len(all_of_them) if known else None, tuple(causes)


def agents(world: World) -> int:
    """Devices whose SNMP agent let us in. How many more there are nobody knows: an agent is silent to a wrong community."""
    told = {o.id for o in world.observations.values() if isinstance(o.body, SnmpSystem)}
    return sum(not told.isdisjoint(a.evidence) for a in systems(world))


def _of_devices(unknown: Unknown) -> bool:
    return not unknown.cause.startswith("subject_") and unknown.cause != "not_mandated"
