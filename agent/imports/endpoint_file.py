"""Reads one endpoint document (`handover collect`): foreign bytes, so nothing is trusted before it has been checked.

A file that is too large is not read at all. Whatever is wrong ends in `NotEndpoint` with words for people; nothing else is raised.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.model.endpoint_document import EndpointDocument
from agent.model.endpoint_tables import FORMAT, MOST_BYTES, VERSION

DAY_US = 86_400_000_000
EARLIEST_US = 1_704_067_200_000_000
"""2024-01-01T00:00:00Z: older than this tool, so the clock of that machine stands wrong."""


class NotEndpoint(Exception):
    """Why a file is no endpoint document we can take in."""


@dataclass(frozen=True)
class EndpointFile:
    name: str
    sha256: str
    document: EndpointDocument


def looks_like_endpoint(start: bytes) -> bool:
    """Do these first bytes begin a JSON object? An endpoint document is the only JSON that is imported."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def read_endpoint(file: Path) -> EndpointFile:
    """The document in *file*. Raises `NotEndpoint`, `OSError`."""
    with file.open("rb") as opened:
        # One byte more than may be: a file that grows while it is read is too large as well.
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise NotEndpoint(f"larger than an endpoint document may be ({MOST_BYTES:,} bytes)")
    return EndpointFile(file.name, sha256(data).hexdigest(), parse_endpoint(data))


def parse_endpoint(data: bytes) -> EndpointDocument:
    """Raises `NotEndpoint`."""
    try:
        plain: Any = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise NotEndpoint("damaged: it is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotEndpoint(f"damaged or cut short: no JSON{where}") from None
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise NotEndpoint("no endpoint document: `handover collect --out FILE` makes one")
    version = plain.get("version")
    if version != VERSION:
        known = f"this handover reads version {VERSION}"
        raise NotEndpoint(f"written in version {str(version)[:20]!r} of the format; {known}")
    try:
        found = EndpointDocument.model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(p) for p in first["loc"])[:100]
        raise NotEndpoint(f"damaged: {where}: {first['msg'][:200]}") from None
    if found.collected > time.time_ns() // 1000 + DAY_US:
        raise NotEndpoint("it says that it was made in the future: check the clock of that machine")
    if found.collected < EARLIEST_US:
        raise NotEndpoint("it says that it was made before 2024: check the clock of that machine")
    return found
