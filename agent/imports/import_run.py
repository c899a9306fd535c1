"""The run file a foreign document becomes: begun with what the engagement is, and gone again when the import fails."""

from __future__ import annotations

import hashlib
import secrets
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from importlib import metadata
from pathlib import Path

from agent.catalogs.digest import catalogues_sha256
from agent.engagement.engagement import Engagement
from agent.model.run import RunHeader, Vantage
from agent.model.scope import ScopeRule
from agent.store.errors import StoreError
from agent.store.file import beside
from agent.store.writer import RunStore


def sha256_of(file: Path) -> str:
    """SHA-256 of *file*, 64 hexadecimal digits. Raises `OSError`."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@asynccontextmanager
async def import_run(
    engagement: Engagement, source: str, site: str, operator: str, started: int
) -> AsyncGenerator[RunStore, None]:
    """An import run of *source* (names and hashes of files), begun at *started* (microseconds UTC). The body ends it; when it raises,
    no file is left of it.

    Raises `StoreError`, `OSError`.
    """
    run_id = secrets.token_hex(8)
    header = RunHeader(
        run_id=run_id,
        engagement=engagement.id,
        site=site,
        kind="import",
        started=started,
        tool_version=metadata.version("handover-audit"),
        catalogues_sha256=catalogues_sha256(),
        client_toml_sha256=engagement.client_sha256,
        mandate_sha256=engagement.mandate_sha256,
        mandate_signed_by=engagement.client.mandate.signed_by,
        operator=operator,
        vantage=Vantage(site=site, host=socket.gethostname(), mode="import"),
        scope=ScopeRule(allowed=()),
        source=source,
    )
    engagement.runs.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = engagement.runs / f"{stamp}-{site}-import-{run_id[:6]}.run"
    store = RunStore.create(path, header)
    try:
        yield store
        await store.close()
    except BaseException:
        # Half a sheet would pass for the whole of it.
        with suppress(StoreError):
            await store.close()
        for left in (path, beside(path, "-wal"), beside(path, "-shm")):
            left.unlink(missing_ok=True)
        raise
