"""A table's short way into the store gives the very bytes of the long one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.base import canonical
from agent.model.bodies_snmp import Cell, SnmpTable
from agent.model.observation import Observation
from agent.model.ref import addr

CELLS = st.one_of(st.none(), st.integers(-(2**63), 2**64), st.text(max_size=5))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5), st.booleans())
def test_the_canonical_form_of_a_table_is_that_of_its_dump(
    rows: list[tuple[Cell, Cell]], ended: bool
) -> None:
    table = SnmpTable(
        table="t", columns=("a", "b"), rows=tuple(rows), ends={"a": "cap"} if ended else {}
    )
    seen = Observation(
        id="0" * 32,
        probe="snmp",
        probe_rev=1,
        unit="u",
        subject=addr("siege", "192.0.2.1"),
        standing="direct",
        channel="snmp",
        at=1,
        mono=1,
        body=table,
    )
    for model in (table, seen):
        dump = json.dumps(
            model.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        assert canonical(model) == dump.encode()
    assert Observation.model_validate_json(canonical(seen)).body == table
    assert table.stable() | {"kind": "snmp.table"} == seen.plain()["body"]


def test_no_float_comes_in_by_rows() -> None:
    for rows in (((1, 2), (1, 0.5)), [[1, 2], [1, 0.5]], ((1, (0.5,)),)):
        with pytest.raises(TypeError):
            canonical({"rows": rows})
