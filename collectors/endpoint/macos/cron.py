"""Crontabs and at jobs where macOS keeps them (cron(8), at(1)); read as those of Linux are."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.linux.cron import at_job, table
from collectors.endpoint.redact import redact
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

_TABS = "/usr/lib/cron/tabs"
_JOBS = "/usr/lib/cron/jobs"


def cron(tree: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        if tree.exists("/etc/crontab"):
            try:
                for account, command in table(tree.text("/etc/crontab"), with_account=True):
                    yield ("/etc/crontab", account, redact(command, wanted.kept))
            except OSError as problem:
                views.miss("/etc/crontab", problem)
        try:
            names = tree.names(_TABS)
        except OSError as problem:
            views.miss("crontabs of the users", problem)
            names = []
        for name in names:
            try:
                rows = list(table(tree.text(f"{_TABS}/{name}"), with_account=False))
            except OSError as problem:
                views.miss(f"crontab of {name}", problem)
                continue
            for _, command in rows:
                yield (f"crontab {name}", name, redact(command, wanted.kept))
        try:
            jobs = tree.names(_JOBS)
        except OSError as problem:
            views.miss("at jobs", problem)
            return
        for name in jobs:
            if name[:1] not in (".", "=") and name != "LOCKFILE":
                yield from at_job(tree, wanted, views, f"{_JOBS}/{name}")

    return source
