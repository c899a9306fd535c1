"""Installed packages: dpkg's own list (deb-status(5)), rpm asked by its program, snaps and flatpaks by their folders."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.program import output
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree

_RPM = r"%{NAME}\t%{VERSION}\t%{VENDOR}\n"


def packages(tree: Tree, run: bool = True) -> Source:
    """*run*: rpm may be asked; its list has no form that a text reader could read."""

    def source(views: Views) -> Iterator[Row]:
        known = False
        if tree.exists("/var/lib/dpkg/status"):
            known = True
            yield from dpkg(tree.text("/var/lib/dpkg/status", 64_000_000))
        if run and tree.exists("/var/lib/rpm") and (said := output(("rpm", "-qa", "--qf", _RPM))):
            known = True
            for line in said.splitlines():
                name, _, rest = line.partition("\t")
                version, _, vendor = rest.partition("\t")
                yield (name, version, "" if vendor == "(none)" else vendor, "rpm", "")
        for file in tree.names("/var/lib/snapd/snaps"):
            if file.endswith(".snap"):
                name, _, revision = file.removesuffix(".snap").rpartition("_")
                yield (name, revision, "", "snap", f"/var/lib/snapd/snaps/{file}")
        for name in tree.names("/var/lib/flatpak/app"):
            yield (name, "", "", "flatpak", f"/var/lib/flatpak/app/{name}")
        if not known:
            raise CannotRead(
                "neither dpkg nor rpm: the list of packages of this system is not known"
            )

    return source


def dpkg(text: str) -> Iterator[Row]:
    """Packages of a dpkg status file that are installed."""
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.splitlines():
            if line[:1] not in (" ", "\t", ""):
                key, _, value = line.partition(":")
                fields[key] = value.strip()
        if fields.get("Status", "").endswith(" installed") and fields.get("Package"):
            maker = fields.get("Maintainer", "").split("<")[0].strip()
            yield (fields["Package"], fields.get("Version", ""), maker, "dpkg", "")
