"""One namespace lab for all acceptance tests of a worker, and one story played in it: two sites, two days, with rights and without.

yesterday  siege and depot, with raw sockets; the depot in a copy of the engagement, by a colleague
then       at the depot a camera is switched off and a server loses a service, at the head office a server loses another
today      siege and depot, without any right; then the depot once more with its cable out, in another copy
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.lab import Lab, Truth
from fixtures.lab.pcap import Packet
from tests.acceptance.product import (
    Done,
    another_day,
    handover,
    run_at,
    runs_of,
    small_voice_network,
    with_runs,
)

SITES = ("siege", "depot")
CAMERA, STOPPED = "cam-cour", (("depot", "srv-depot", 443), ("siege", "srv-web", 6379))
SHEET = """\
Nom;Adresse IP;Adresse MAC;Type;Numéro de série;Emplacement
SRV-FIC;192.168.1.20;;server;;local technique
IMPRIMANTE-DG;192.168.1.72;;printer;;direction
COFFRE-SAUVEGARDE;192.168.1.222;;nas;QX-99-0012;cave
"""
"""What the former provider says of the head office: a device we saw, one by an address and a name that we never heard, one unseen."""


@dataclass
class Visit:
    """One run of one site: how it ended, what it left, what was on the wire, and what was really there."""

    site: str
    done: Done
    folder: Path
    """An engagement that holds this run only."""
    run: Path
    truth: Truth
    packets: list[Packet]
    lost: int


@dataclass
class Story:
    """`home`: the engagement with everything added up. `visits`: by (site, "raw" | "plain" | "dark")."""

    lab: Lab
    home: Path
    visits: dict[tuple[str, str], Visit] = field(default_factory=dict[tuple[str, str], Visit])
    imported: Done | None = None


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab(mode="namespace") as up:
        yield up


@pytest.fixture(scope="session")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Story:
    base = tmp_path_factory.mktemp("story")
    told = Story(lab, small_voice_network(lab.engagement(base / "home")))
    handover("show", told.home, "runs")  # makes the key of the engagement, which copies share
    away = base / "away"
    shutil.copytree(told.home, away)

    def visit(site: str, kind: str, folder: Path, *, rights: bool, days_ago: int) -> None:
        truth = lab.truth()
        if kind == "raw":
            lab.arrive(site)
        with lab.capture(site) as capture:
            done = run_at(lab, site, folder, rights=rights, days_ago=days_ago)
        run = next((p for p in reversed(runs_of(folder)) if f"-{site}-" in p.name), None)
        assert run is not None, done.text
        alone = with_runs(told.home, base / f"{site}-{kind}", [run])
        packets = lab.packets(capture)
        told.visits[site, kind] = Visit(site, done, alone, run, truth, packets, capture.lost)

    def yesterday(site: str) -> None:
        folder = told.home if site == "siege" else away
        visit(site, "raw", folder, rights=True, days_ago=1)

    def today(site: str) -> None:
        visit(site, "plain", told.home, rights=False, days_ago=0)
        if site == "depot":
            cable_out = base / "cable-out"
            shutil.copytree(told.home, cable_out, ignore=shutil.ignore_patterns("runs"))
            another_day(lab, site)
            lab.blackhole(site, True)
            visit(site, "dark", cable_out, rights=True, days_ago=0)
            lab.blackhole(site, False)

    at_both_sites(lab, yesterday)
    lab.stop_host(CAMERA, "depot")
    for site, host, port in STOPPED:
        lab.stop_service(host, port, site)
    at_both_sites(lab, today)

    sheet = base / "parc.csv"
    sheet.write_text(SHEET)
    colleague = told.visits["depot", "raw"].run
    told.imported = handover("import", told.home, colleague, sheet, "--site", "siege")
    return told


def at_both_sites(lab: Lab, work: Callable[[str], None]) -> None:
    """The two sites are two machines: they are looked at side by side."""
    for site in SITES:
        another_day(lab, site)
    with ThreadPoolExecutor(len(SITES)) as pool:
        for ended in [pool.submit(work, site) for site in SITES]:
            ended.result()
