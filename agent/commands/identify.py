"""`handover identify --snmprec PATH...`: who recorded SNMP agents are. Reads files only; needs no engagement, sends nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import EXIT_PARTIAL, EXIT_USAGE, Stop

if TYPE_CHECKING:
    from agent.commands.printed import Identified


@click.command("identify")
@click.option(
    "--snmprec",
    "paths",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="A recording in the format of snmpsim, or a folder of them. May be given several times; further paths may follow.",
)
@click.argument("more", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object a recording (handover schema identify).",
)
def command(paths: tuple[Path, ...], more: tuple[Path, ...], as_json: bool) -> int:
    """Tell vendor, type, system, model, version and serial of devices by recordings of their SNMP agents.

    Each value comes with the object it was read from. What no agent says is left empty: nothing is guessed by name.
    Exit 3 when a file could not be read as a recording.
    """
    if not paths:
        raise Stop("nothing to identify: give --snmprec FILE or FOLDER.", EXIT_USAGE)
    unread = False
    for file in _files((*paths, *more)):
        told = identified(file)
        unread = unread or bool(told.error)
        if as_json:
            click.echo(told.model_dump_json())
        elif told.error:
            click.echo(f"{file}: {told.error}", err=True)
        else:
            click.echo(_line(told))
    return EXIT_PARTIAL if unread else 0


def _files(paths: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.snmprec")) if path.is_dir() else [path]
    return found


def identified(file: Path) -> Identified:
    """Who one recording is of; `error` says why it could not be read."""
    from agent.commands.printed import Identified
    from agent.inventory.snmp.identify import identify
    from agent.inventory.snmp.snmprec import MOST_OCTETS, BadRecording, parse_snmprec

    name = file.name.removesuffix(".snmprec")
    try:
        with file.open("rb") as stream:
            read = parse_snmprec(stream.read(MOST_OCTETS + 1))
    except OSError as error:
        return Identified(recording=name, error=error.strerror or "cannot be read")
    except BadRecording as error:
        return Identified(recording=name, error=str(error))
    told = asdict(identify(read.values))
    del told["sure"]
    return Identified.model_validate({**told, "recording": name, "bad_lines": read.bad})


def _line(told: Identified) -> str:
    values = (told.vendor, told.type, told.os, told.model, told.version, told.serial)
    return "\t".join((told.recording, *(v or "-" for v in values), f"{told.confidence / 10:.0f} %"))
