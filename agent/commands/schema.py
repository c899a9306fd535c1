"""`handover schema NAME`: the JSON Schema of everything printed or exported."""

from __future__ import annotations

import json
from typing import Any

import click

from agent.commands.common import EXIT_USAGE, Stop


@click.command("schema")
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """Print the JSON Schema called NAME; without a name, the list of names."""
    known = schemas()
    if name is None:
        for each in known:
            click.echo(each)
        return 0
    if name not in known:
        raise Stop(f"no schema '{name}'. There are: {', '.join(known)}.", EXIT_USAGE)
    click.echo(json.dumps(known[name].model_json_schema(), indent=1))
    return 0


def schemas() -> dict[str, Any]:
    """Name -> pydantic model, the kinds of observation included."""
    from agent.commands.printed import PARTS, Doctor, Identified
    from agent.engagement.client_file import ClientFile
    from agent.engagement.msp_file import MspFile
    from agent.engagement.outlook import Outlook
    from agent.model.answers import Answers
    from agent.model.bodies import KINDS
    from agent.model.endpoint_document import EndpointDocument
    from agent.model.judged import Judged
    from agent.model.ledger import LedgerEntry
    from agent.model.observation import Observation
    from agent.model.run import RunHeader
    from agent.model.status import ProbeStatus
    from agent.store.verify import Verdict
    from reports.to_json import InventoryDocument

    return {
        "inventory": InventoryDocument,
        "judged": Judged,
        "observation": Observation,
        "status": ProbeStatus,
        "ledger": LedgerEntry,
        "run": RunHeader,
        "verdict": Verdict,
        "plan": Outlook,
        "client": ClientFile,
        "msp": MspFile,
        "answers": Answers,
        "doctor": Doctor,
        "identify": Identified,
        "endpoint": EndpointDocument,
        **{f"show:{part}": cls for part, cls in PARTS.items()},
        **{f"kind:{kind}": cls for kind, cls in sorted(KINDS.items())},
    }
