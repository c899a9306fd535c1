"""Sealed runs: readable with the MSP's private key only; no plain byte, no half file, no key in a message."""

from __future__ import annotations

import asyncio
import importlib
import stat
from pathlib import Path
from typing import Any

import pytest

from agent.store.errors import RunFileError, StoreError
from agent.store.reader import RunFile
from agent.store.sealed import seal, unseal
from agent.store.writer import RunStore
from tests.agent.store.sample import finished_run, header


@pytest.fixture
def keys() -> tuple[str, str]:
    """Private and public half."""
    pyrage: Any = importlib.import_module("pyrage")
    key = pyrage.x25519.Identity.generate()
    return str(key), str(key.to_public())


def test_there_and_back(tmp_path: Path, keys: tuple[str, str]) -> None:
    path = tmp_path / "a.run"
    head = finished_run(path)
    sealed = seal(path, keys[1])
    assert sealed.name == "a.run.age"
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert b"220 service" in path.read_bytes()
    assert b"220 service" not in sealed.read_bytes()
    unseal(sealed, keys[0], tmp_path / "b.run")
    with RunFile(tmp_path / "b.run") as file:
        assert file.head == head
    assert len(list(tmp_path.iterdir())) == 3
    with pytest.raises(StoreError, match="never written over"):
        unseal(sealed, keys[0], path)


def test_open_run_is_not_sealed(tmp_path: Path, keys: tuple[str, str]) -> None:
    store = RunStore.create(tmp_path / "a.run", header())
    with pytest.raises(StoreError, match="still open"):
        seal(tmp_path / "a.run", keys[1])
    asyncio.run(store.close())


def test_no_keys(tmp_path: Path, keys: tuple[str, str]) -> None:
    path = tmp_path / "a.run"
    finished_run(path)
    with pytest.raises(StoreError, match="no age key"):
        seal(path, "age1nonsense")
    with pytest.raises(RunFileError, match="no age key") as caught:
        unseal(path, keys[0][:-3] + "QQQ", tmp_path / "b.run")
    assert keys[0][15:40] not in str(caught.value)


@pytest.mark.parametrize("damage", ["another key", "flipped", "cut", "no age file"])
def test_cannot_be_opened(tmp_path: Path, keys: tuple[str, str], damage: str) -> None:
    path = tmp_path / "a.run"
    finished_run(path)
    sealed = seal(path, keys[1])
    data = sealed.read_bytes()
    key = keys[0]
    if damage == "another key":
        pyrage: Any = importlib.import_module("pyrage")
        key = str(pyrage.x25519.Identity.generate())
    elif damage == "flipped":
        sealed.write_bytes(data[:-500] + bytes((data[-500] ^ 1,)) + data[-499:])
    elif damage == "cut":
        sealed.write_bytes(data[:-1])
    else:
        sealed.write_bytes(b"hello")
    with pytest.raises(RunFileError) as caught:
        unseal(sealed, key, tmp_path / "b.run")
    assert key not in str(caught.value)
    # No half of it is left to be taken for the run.
    assert {p.name for p in tmp_path.iterdir()} == {"a.run", "a.run.age"}
