"""PEP 517 hooks that read PKG-INFO and build nothing: pip asks for metadata even when it only downloads."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return []


def prepare_metadata_for_build_wheel(directory: str, config_settings: Any = None) -> str:
    text = Path("PKG-INFO").read_text("utf-8")
    fields = dict(re.findall(r"^(Name|Version): (.+)$", text, re.MULTILINE))
    folder = f"{fields['Name'].replace('-', '_')}-{fields['Version']}.dist-info"
    where = Path(directory, folder)
    where.mkdir()
    (where / "METADATA").write_text(text, "utf-8")
    return folder


def build_wheel(*_: Any, **__: Any) -> str:
    raise RuntimeError("only to be downloaded")


# What pip asks for when an sdist has no pyproject.toml.
__legacy__ = sys.modules[__name__]
