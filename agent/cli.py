"""The command `handover`. Each subcommand lives in its own file and is imported when it is called: `handover --help` loads nothing slow."""

from __future__ import annotations

import errno
import importlib
import os
import select
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import click

from agent.told import Told

COMMANDS: dict[str, str] = {
    "init": "Set an engagement up: client, sites, mandate, care. Never scans.",
    "plan": "What a run would send, to whom, who would notice, what stays unknown.",
    "run": "Look, inside scope and mandate; stopped and resumed at will.",
    "report": "Write the report over all runs: HTML, inventory.json, CSV.",
    "intake": "Answer the questions of the onboarding checklist.",
    "add": "Add an asset no probe can see.",
    "collect": "Look at this one machine from the inside; one small document.",
    "import": "Add runs from elsewhere, endpoint documents, scans, sheets.",
    "export": "Write the result in another system's format.",
    "identify": "Who made it, what it is, by recorded answers of its SNMP agent.",
    "show": "Print one part of the result, as text or JSON.",
    "verify": "Check the hash chain and the signature of runs.",
    "purge": "Erase personal values; the chain stays valid.",
    "schema": "JSON Schema of what is printed or exported.",
    "doctor": "What this machine can and cannot do, and why.",
    "demo": "Audit the simulated client LAN and write its report.",
}


EXIT_PIPE = 141
"""128 + SIGPIPE: what a shell shows of any program whose reader (`head`) went away."""
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class LazyGroup(click.Group):
    """Knows the names and one-line helps of the subcommands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        # `import` is a word of the language and cannot be a module's name.
        file = "import_" if cmd_name == "import" else cmd_name
        module = importlib.import_module(f"agent.commands.{file}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="handover-audit", prog_name="handover")
def handover() -> None:
    """Network discovery and handover audit: what is here, who can still get in, what we do not know, what to change first.

    ENG is the engagement folder: it holds client.toml, the runs and the reports.

    Exit codes: 0 complete, 1 only with --fail-on, 2 usage, 3 partial, 4 refused account, right or mandate, 5 internal error,
    141 when the reader of a pipe goes away.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A pipe on Windows is cp1252 and would die of a device's name.
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
    sys.excepthook = _internal
    try:
        result: Any = handover.main(
            args=list(argv) if argv is not None else None,
            prog_name="handover",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except (SystemExit, BrokenPipeError) as error:
        # click makes a closed pipe, and nothing else, a SystemExit.
        if not _reader_gone():
            raise RuntimeError("a pipe of a program we started was closed") from error
        return EXIT_PIPE
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        return 3
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Told as error:
        return _tell(error)
    except BaseExceptionGroup as group:
        # A task group wraps what ended it; another kind of error among them is an internal one.
        told, other = group.split(Told)
        if told is None or other is not None:
            raise
        return _tell(_first(told))
    except OSError as error:
        # A folder that is not there, no right, a full disk; one without a file is none of the technician's doing.
        if error.filename is None and error.errno not in _DISK:
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        click.echo(f"Error: {where}{error.strerror}", err=True)
        return 3
    return result if isinstance(result, int) else 0


def _reader_gone() -> bool:
    """Was it our own output that nobody reads any more (`handover show ... | head`)? Then the rest of it is dropped without a word."""
    # click puts a wrapper in the place of sys.stdout, which would say nothing.
    out = sys.__stdout__
    if out is None or out.closed:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(out.fileno(), select.POLLOUT)
        if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            return False
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, out.fileno())
    os.close(sink)
    return True


def _tell(error: BaseException) -> int:
    click.echo(_scrubbed(f"Error: {error}"), err=True)
    return error.exit_code if isinstance(error, Told) else 5


def _scrubbed(text: str) -> str:
    """*text* without secrets. Where their module was never loaded, none was ever fetched."""
    secrets: Any = sys.modules.get("agent.engagement.secret")
    return secrets.scrub(text) if secrets is not None else text


def _first(group: BaseExceptionGroup[Told]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _internal(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error nobody foresaw: the trace without any value of a variable, and exit code 5."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(3)
    lines = traceback.format_tb(trace)
    name = f"{kind.__module__}.{kind.__qualname__}"
    words = "".join(lines[-6:]) + f"{name}\nInternal error: please report it."
    click.echo(_scrubbed(words), err=True)
    sys.stderr.flush()
    os._exit(5)


if __name__ == "__main__":
    sys.exit(main())
