"""Opens the run file of a session: a new run with its header, or the newest unfinished run of the site, taken up as it was asked for.

For `agent.perform`. A resumed run keeps its narrowing (`--only`, `--ports`) and must have the scope it began with: its units were
planned on that scope, and the signature vouches for it. Who resumes, from where and on which client.toml is recorded with the session.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from agent.catalogs.digest import catalogues_sha256
from agent.engagement.engagement import Engagement
from agent.engagement.problems import Refusal
from agent.model.run import RunHeader, SessionFacts, Vantage
from agent.model.scope import ScopeRule
from agent.store.errors import RunFileError, write_error
from agent.store.reader import RunFile
from agent.store.signing import scope_sha256
from agent.store.writer import RunStore


def unfinished(
    runs: Path, engagement: str, site: str, say: Callable[[str], None]
) -> tuple[Path, RunHeader]:
    """The newest run of *site* that did not end complete, and its header. What cannot be read is passed over and told to *say*.

    Raises `Refusal` (2) when there is none.
    """
    for path in sorted(runs.glob("*.run"), reverse=True):
        try:
            with RunFile(path) as file:
                header, ends = file.header, file.ends
        except RunFileError as error:
            say(f"Passed over, as it cannot be read: {error}")
            continue
        if (header.engagement, header.site, header.kind) != (engagement, site, "run"):
            continue
        if not ends or ends[-1].outcome in ("interrupted", "killed", "partial"):
            return path, header
    raise Refusal(2, f"no unfinished run of site '{site}'", "Leave --resume out to start one.")


def check_same_scope(header: RunHeader, scope: ScopeRule) -> None:
    """Raises `Refusal` (2) when *scope* is not the one the run began with."""
    if header.scope != scope:
        raise Refusal(
            2,
            "the scope (networks, never, unreached or what the mandate allows) is not the one this run began with",
            "Start a new run, without --resume; what the old one found stays in the report.",
        )


def take_up(
    engagement: Engagement, path: Path, operator: str, scope: ScopeRule, where: Vantage
) -> RunStore:
    """The run in *path* with a new session. Raises `StoreError`, `RunFileError`."""
    header = header_of(engagement, operator, scope, where)
    shared = SessionFacts.model_fields.keys() & RunHeader.model_fields.keys()
    facts = SessionFacts(
        scope_sha256=scope_sha256(scope), **{name: getattr(header, name) for name in shared}
    )
    return RunStore.resume(path, facts)


def begin(engagement: Engagement, header: RunHeader) -> RunStore:
    """A new run file under runs/. Raises `StoreError`."""
    runs = engagement.runs
    try:
        runs.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(runs, error) from None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(header.started // 1_000_000))
    return RunStore.create(runs / f"{stamp}-{header.site}-{header.run_id[:6]}.run", header)


def header_of(
    engagement: Engagement,
    operator: str,
    scope: ScopeRule,
    where: Vantage,
    only: tuple[str, ...] = (),
    with_nmap: tuple[str, ...] = (),
    ports: str = "msp",
) -> RunHeader:
    """What a session that begins now says of itself."""
    return RunHeader(
        run_id=secrets.token_hex(8),
        engagement=engagement.id,
        site=where.site,
        started=time.time_ns() // 1000,
        tool_version=metadata.version("handover-audit"),
        catalogues_sha256=catalogues_sha256(),
        client_toml_sha256=engagement.client_sha256,
        mandate_sha256=engagement.mandate_sha256,
        mandate_signed_by=engagement.client.mandate.signed_by,
        operator=operator,
        vantage=where,
        scope=scope,
        profile="quiet" if engagement.quiet else "normal",
        only=only,
        with_nmap=with_nmap,
        ports=ports,
    )
