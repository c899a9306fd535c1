"""Waits short enough for tests that meet silence on purpose."""

from __future__ import annotations

import pytest

from collectors.snmp import client


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.4)
