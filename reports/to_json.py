"""inventory.json: the whole judged result as one versioned document; its JSON Schema is `handover schema inventory`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from agent.model.base import M
from agent.model.judged import Judged


class InventoryDocument(M):
    """What inventory.json holds. `version` grows when a field changes its meaning."""

    schema_name: Literal["handover-inventory"] = Field(default="handover-inventory", alias="schema")
    version: Literal[1] = 1
    result: Judged


def write_inventory(judged: Judged, path: Path) -> None:
    """Writes *path* as ASCII JSON: what is no plain letter is escaped, so that no reader can stumble over it."""
    document = InventoryDocument(result=judged).model_dump(mode="json", by_alias=True)
    path.write_text(json.dumps(document, ensure_ascii=True, indent=1) + "\n", "ascii")
