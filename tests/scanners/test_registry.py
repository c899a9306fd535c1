"""Every probe of the tree is listed once, declares what it does, and keeps the contract; found by walking, not by a second list."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import collectors
import scanners
from agent.contract import Needs, Probe
from agent.model.bodies import KINDS
from agent.registry import ON_DEMAND, PROBES
from agent.run import layers

PROGRAMS = ("scanners.raw_helper", "scanners.nmap_helper")


def modules() -> Iterator[ModuleType]:
    for package in (scanners, collectors):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(PROGRAMS):
                yield importlib.import_module(found.name)


def probe_classes() -> set[type]:
    found: set[type] = set()
    for module in modules():
        for _, one in inspect.getmembers(module, inspect.isclass):
            # A probe is what has the members of the contract, by whatever name it goes.
            if one.__module__ == module.__name__ and all(
                hasattr(one, m) or m in getattr(one, "__annotations__", {})
                for m in ("name", "rev", "needs", "emits", "plan", "cost", "run")
            ):
                found.add(one)
    return found


def test_every_probe_of_the_tree_is_listed() -> None:
    assert probe_classes() == {type(p) for p in (*PROBES, *ON_DEMAND)}
    assert len(PROBES) >= 6


def test_names_are_unique_and_waits_are_for_probes_there_are() -> None:
    names = [p.name for p in PROBES]
    assert len(set(names)) == len(names)
    for probe in PROBES:
        assert set(probe.needs.after) <= set(names) - {probe.name}
    assert {p.name for layer in layers(PROBES) for p in layer} == set(names)


@pytest.mark.parametrize("probe", (*PROBES, *ON_DEMAND), ids=lambda p: p.name)
def test_contract(probe: Probe) -> None:
    assert isinstance(probe, Probe)
    assert isinstance(probe.needs, Needs)
    assert probe.rev >= 1
    assert probe.emits, "a probe that can find nothing"
    assert set(probe.emits) <= set(KINDS)
    assert probe.asks, "a probe that asks nothing proves nothing"
    assert set(probe.asks.values()) <= {"strong", "weak"}
    assert probe.needs.deadline_s > 0
    assert inspect.iscoroutinefunction(probe.run)
    with pytest.raises(AttributeError):
        probe.name = "other"  # type: ignore[misc]  # the point: frozen
