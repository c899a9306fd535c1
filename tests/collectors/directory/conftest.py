"""Two Samba domain controllers, one with faults and one without, shared by all workers of a test run: started by the first that asks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.directory.controller import Controller
from fixtures.directory.seeded import Ldif, clean, seeded


@pytest.fixture(scope="session")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Generator[Controller]:
    """The seeded domain; nobody may write into it."""
    with _shared(_folder(tmp_path_factory), "s", "labo.test", seeded) as controller:
        yield controller


@pytest.fixture(scope="session")
def control(tmp_path_factory: pytest.TempPathFactory) -> Generator[Controller]:
    """The clean domain."""
    with _shared(_folder(tmp_path_factory), "c", "propre.test", clean) as controller:
        yield controller


def _folder(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def address(folder: Path, name: str) -> str:
    """Of this run alone: suites that run side by side bind the same ports."""
    mark = folder.stat().st_ino % 62_000
    return f"127.{93 + (name == 'c')}.{mark // 250}.{mark % 250 + 1}"


@contextmanager
def _shared(folder: Path, name: str, dns: str, seed: object) -> Generator[Controller]:
    one = Controller(folder / name, address(folder, name), dns, dns.split(".")[0].upper())
    assert callable(seed)
    with _users(folder / f"{name}.users") as users:
        if not (one.folder / "ready").exists():
            one.provision()
            ldif = seed(one.base, one.dns)
            assert isinstance(ldif, Ldif)
            one.load(ldif.additions())
            if ldif.changed:
                one.load(ldif.changes(), "ldbmodify")
            (one.folder / "ready").touch()
        if not users.of():
            one.start()
        users.add(1)
    try:
        yield one
    finally:
        with _users(folder / f"{name}.users") as users:
            users.add(-1)
            if users.of():
                one.leave()
            else:
                one.stop()


class _Users:
    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self) -> int:
        return int(self._path.read_text("ascii") or "0")

    def add(self, n: int) -> None:
        self._path.write_text(str(self.of() + n), "ascii")


@contextmanager
def _users(path: Path) -> Generator[_Users]:
    """How many workers hold the controller, under a lock."""
    path.touch()
    with path.open("r+", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield _Users(path)
