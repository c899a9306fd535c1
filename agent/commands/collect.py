"""`handover collect --out FILE`: this one machine, from the inside. No engagement, no network, no question asked, nothing changed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from agent.commands.common import EXIT_PARTIAL, EXIT_REFUSED, EXIT_USAGE, Stop

MOST_SHOWN = 12
_ID = r"^[0-9a-f]{32}$"


@click.command("collect")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the endpoint document goes (JSON, at most 2 MB).",
)
@click.option(
    "--for",
    "engagement",
    metavar="ID",
    envvar="HANDOVER_FOR",
    default="",
    help="Id of the engagement (`handover show ENG id`): another client's import then refuses the document.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=300.0,
    show_default=True,
    help="Time for all sources together; what is left then is said to be not looked at.",
)
def command(out: Path, engagement: str, seconds: float) -> int:
    """Write what this machine runs, starts, has installed and lets in, as one small document for `handover import`.

    Passwords, keys and tokens are left out while reading. Run it as root or as an administrator: without, half of it stays unread.
    """
    import re
    from importlib import metadata

    if engagement and not re.match(_ID, engagement):
        raise Stop("--for takes the id of an engagement: 32 hexadecimal digits", EXIT_USAGE)
    document = _look(engagement, seconds, f"handover {metadata.version('handover-audit')}")
    _write(out, document)
    return _summary(out, document)


def _look(engagement: str, seconds: float, tool: str) -> dict[str, Any]:
    from collectors.endpoint.collect import collect
    from collectors.endpoint.from_catalogue import wanted

    if sys.platform == "linux":
        from collectors.endpoint.linux import sources as here
        from collectors.endpoint.tree import Tree

        found = here.sources(Tree(), wanted())
        return collect(
            "linux",
            here.this_machine,
            found,
            elevated=here.elevated(),
            tool=tool,
            engagement=engagement,
            seconds=seconds,
        )
    if sys.platform == "win32":
        from collectors.endpoint.windows import machine, sources

        return collect(
            "windows",
            machine.machine,
            sources.sources(wanted()),
            elevated=sources.elevated(),
            tool=tool,
            engagement=engagement,
            seconds=seconds,
        )
    if sys.platform == "darwin":
        from collectors.endpoint.macos import machine as mac
        from collectors.endpoint.macos import sources as macos
        from collectors.endpoint.macos.asked import Asked
        from collectors.endpoint.tree import Tree

        tree, asked, root = Tree(), Asked(), macos.elevated()
        return collect(
            "macos",
            lambda: mac.machine(tree, asked),
            macos.sources(tree, wanted(), asked, root),
            elevated=root,
            tool=tool,
            engagement=engagement,
            seconds=seconds,
        )
    raise Stop(f"handover collect cannot look at {sys.platform} yet", EXIT_REFUSED)


def _write(out: Path, document: dict[str, Any]) -> None:
    """The whole document or none, readable by its owner only. Ends the command where it cannot be written."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    part = out.with_name(f".{out.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Stop(f"{out}: cannot be written: {error.strerror}", EXIT_PARTIAL) from None


def _summary(out: Path, document: dict[str, Any]) -> int:
    """A few lines of ASCII, as an RMM keeps them; exit 3 where something was not looked at."""
    rows = sum(len(t["rows"]) for t in document["tables"])
    missed = [c for c in document["checked"] if c["outcome"] != "done"]
    name = str(document["machine"].get("name", "")).encode("ascii", "replace").decode()
    kb = max(1, out.stat().st_size // 1000)
    click.echo(f"{name}: {rows} rows of {len(document['tables'])} tables, {kb} kB: {out}")
    if not document["elevated"]:
        click.echo("not as root or administrator: much of it stays unread")
    for c in missed[:MOST_SHOWN]:
        what = f"{c['source']}, {c['view']}" if c["view"] else c["source"]
        said = f"not looked at: {what}: {c['outcome']}: {c['reason']}"
        click.echo(said.encode("ascii", "replace").decode()[:200])
    if len(missed) > MOST_SHOWN:
        click.echo(f"and {len(missed) - MOST_SHOWN} more not looked at")
    return EXIT_PARTIAL if missed else 0
