"""Recorded answers: a folder `fixtures/<probe>/<case>` with `input.bin` and `expected.json` is a test.

`expected.json` holds where the answer comes from (`source`), what the parser is told beside it (`args`), and the body that must come out,
after redaction where the probe redacts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.model.bodies import Body
from scanners import banner, tls, web
from scanners.http_answer import parse as parse_http
from scanners.redaction import redact

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def _banner(data: bytes, port: int) -> Body:
    return banner.parse(port, redact(data)[0])


def _web(data: bytes, port: int, tls: bool) -> Body:
    return web.page(port, tls, web.clean(parse_http(data)), b"")


def _tls(data: bytes, port: int, tls_version: str) -> Body:
    return tls.parse(port, data, tls_version)


PARSERS: dict[str, Callable[..., Body]] = {"banner": _banner, "tls": _tls, "web": _web}
CASES = sorted(p.parent for probe in PARSERS for p in FIXTURES.glob(f"{probe}/*/expected.json"))


@pytest.mark.parametrize("folder", CASES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_case(folder: Path) -> None:
    told: dict[str, Any] = json.loads((folder / "expected.json").read_text("utf-8"))
    assert told["source"]
    body = PARSERS[folder.parent.name]((folder / "input.bin").read_bytes(), **told["args"])
    assert body.model_dump(mode="json") == told["expected"]


def test_every_parser_has_cases_and_every_case_is_whole() -> None:
    assert {c.parent.name for c in CASES} == set(PARSERS)
    for probe in PARSERS:
        for folder in (FIXTURES / probe).iterdir():
            names = {p.name for p in folder.iterdir()}
            assert names == {"input.bin", "expected.json"}, folder
