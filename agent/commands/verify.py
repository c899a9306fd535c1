"""`handover verify ENG|RUN`: three separate verdicts: consistent in itself, signed by whom, head known outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import EXIT_PARTIAL, EXIT_USAGE, Stop

if TYPE_CHECKING:
    from agent.store.verify import Verdict


@click.command("verify")
@click.argument("target", metavar="ENG|RUN", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="WORDS|HEX",
    help="A head written down outside this machine (may be repeated).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a run.")
def command(target: Path, heads: tuple[str, ...], as_json: bool) -> int:
    """Check hash chain and signature. A run is called intact only when its head is known from outside this machine.

    Heads may also stand in HANDOVER_KNOWN_HEADS, parted by commas.
    """
    from agent.load_material import run_paths
    from agent.store.errors import RunFileError
    from agent.store.heads import known_heads
    from agent.store.verify import verify

    paths = [target] if target.is_file() else run_paths(target)
    if not paths:
        raise Stop(f"{target}: no run file. 'handover run' makes one.", EXIT_USAGE)
    noted = frozenset(heads) | known_heads()
    bad, known_runs = False, 0
    for path in paths:
        try:
            verdict = verify(path, noted)
        except RunFileError as error:
            # The others are judged all the same.
            click.echo(f"Error: {error}", err=True)
            bad = True
            continue
        bad = bad or not verdict.self_consistent
        known_runs += verdict.known_outside
        if as_json:
            click.echo(verdict.model_dump_json())
        else:
            _tell(path.name, verdict, compared=bool(noted))
    # A head that was noted and is not found is what this command is for: it never ends as if all were well.
    bad = bad or known_runs < min(len(noted), len(paths))
    return EXIT_PARTIAL if bad else 0


def _tell(name: str, verdict: Verdict, *, compared: bool) -> None:
    known = "yes" if verdict.known_outside else "NO" if compared else "not compared (--head WORDS)"
    click.echo(f"{name}")
    click.echo(f"  consistent in itself: {'yes' if verdict.self_consistent else 'NO'}")
    click.echo(f"  signed by:            {verdict.signed_by or 'nobody (the run did not end)'}")
    click.echo(f"  head known outside:   {known}")
    click.echo(f"  verdict:              {'intact' if verdict.intact else 'not proven intact'}")
    for problem in verdict.problems:
        click.echo(f"  problem: {problem.text()}")
