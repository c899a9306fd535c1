"""Domains by hand: tables as the collector writes them, in an engagement of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.material import Material
from agent.model.bodies_directory import DirectoryTable
from agent.model.judged import SiteFacts
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.status import Ask, ProbeStatus
from tests.agent.judgement.sample import engagement, material
from tests.agent.judgement.sample_run import DAY, NOW, Run

SID = "S-1-5-21-1-2-3"
NAME = "labo.test"
ALL = 63
Rows = Sequence[Mapping[str, object]]


def user(rid: int, login: str, **more: object) -> dict[str, object]:
    return {
        **{"sid": f"{SID}-{rid}", "dn": f"CN={login}", "login": login, "uac": 512},
        **{"primary_group": 513, "readable": ALL, **more},
    }


def group(rid: int, login: str) -> dict[str, object]:
    return {"sid": f"{SID}-{rid}", "dn": f"CN={login}", "login": login, "readable": ALL}


def members(*pairs: tuple[int, int]) -> Rows:
    return [{"group": f"{SID}-{g}", "member": f"{SID}-{m}"} for g, m in pairs]


def table(name: str, rows: Rows, **more: object) -> DirectoryTable:
    columns = tuple(dict.fromkeys(c for row in rows for c in row))
    return DirectoryTable.model_validate(
        {
            "domain": NAME,
            "table": name,
            "columns": columns,
            "rows": [[row.get(c) for c in columns] for row in rows],
            **more,
        }
    )


def told(*tables: DirectoryTable, asked: bool = True, run: Run | None = None) -> Material:
    """An engagement in which *tables* were collected yesterday; *asked*: every question of them was answered."""
    site = SiteFacts(id="hq", address="", hours="", networks=("192.0.2.0/24",))
    one = run or Run(site, NOW - DAY, "run-1")
    seen: list[Observation] = [
        one.see("directory", NAME, "192.0.2.1", t, at=NOW - DAY + n) for n, t in enumerate(tables)
    ]
    assert len(seen) == len(tables)
    if asked:
        subject = Ref(kind="domain", ns="", value=NAME)
        asks = tuple(
            Ask(kind=f"directory.{t.table}", subject=subject, strength="strong", outcome="answered")
            for t in tables
        )
        one.statuses.append(
            ProbeStatus.of("directory", NAME, 0, "done", asks, NOW - DAY, NOW - DAY + 1)
        )
    return material(engagement(site), (one,))


HEAD = table(
    "policy", [{"dn": "DC=labo,DC=test", "sid": SID, "machine_quota": 0, "min_length": 14}]
)
