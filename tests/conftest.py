"""Skips a test, and says why, when this machine lacks what it needs. As root in CI a skip is a fault: the installation is broken."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from importlib import import_module

import pytest

# Before any test module: the raw helper's frames keep it out of a process that has not loaded it yet.
import_module("cryptography.x509")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # A plain user's PATH often lacks sbin.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    for item in items:
        mark = item.get_closest_marker("needs")
        names: tuple[str, ...] = mark.args if mark else ()
        missing = [n for n in names if shutil.which(n, path=path) is None]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {' '.join(missing)}"))
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


def skip_is_fault() -> bool:
    return os.environ.get("CI") == "true" and os.geteuid() == 0


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    # A whole file skipped (importorskip) never gets to the hook below.
    report = yield
    if skip_is_fault() and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped as root in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    allowed = hasattr(report, "wasxfail") or item.get_closest_marker("may_skip") is not None
    if skip_is_fault() and report.skipped and not allowed:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped as root in CI: {report.longrepr}"
    return report
