"""One hash over all catalogues: a run says by which knowledge it was made, a report by which it was judged."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources


@cache
def catalogues_sha256() -> str:
    """SHA-256 over names and contents of every data file in agent/catalogs, in order of name."""
    digest = hashlib.sha256()
    files = (f for f in resources.files("agent.catalogs").iterdir() if f.is_file())
    for file in sorted(files, key=lambda f: f.name):
        if file.name.endswith((".toml", ".tsv", ".gz")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
