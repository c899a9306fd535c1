"""Flipped bits: `verify` names the entry or the damaged page, or the content is unchanged; never intact when it is not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agent.store.errors import RunFileError
from agent.store.verify import verify
from tests.agent.store.tampering import content, named, same

FLIPS = 2000
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_bit_flips(tmp_path: Path, original: tuple[Path, str], part: int) -> None:
    path, head = original
    data = path.read_bytes()
    expected = content(path)
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    flipped = tmp_path / "a.run"
    seen = {"intact": 0, "named": 0, "refused": 0}
    for _ in range(FLIPS // PARTS):
        at, bit = dice.randrange(len(data)), dice.randrange(8)
        where = f"byte {at} (page {at // 4096 + 1}), bit {bit}"
        flipped.write_bytes(data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :])
        try:
            verdict = verify(flipped, [head])
        except RunFileError as error:
            assert "page 1" in str(error) or "newer handover" in str(error), (where, str(error))
            assert at < 4096, where
            seen["refused"] += 1
            continue
        if same(flipped, expected):
            # Free space or a field without meaning: proved unchanged, or a page is named.
            assert verdict.intact or named(verdict), (where, verdict)
        else:
            assert not verdict.intact, where
            assert not verdict.self_consistent, where
            assert named(verdict), (where, verdict)
        seen["intact" if verdict.intact else "named"] += 1
    assert seen["named"] > FLIPS // PARTS // 3
