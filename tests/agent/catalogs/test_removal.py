"""How agents come off: every kind used, every tool known, nothing that would be a secret or claims that nothing is needed."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from agent.catalogs.remote_access import tools
from agent.catalogs.removal import NEEDS, RETURNS, Removal, removals
from tests.reports.test_texts import table


def test_every_kind_is_used_and_has_words() -> None:
    rows = removals().values()
    assert {n for r in rows for n in r.needs} == set(NEEDS)
    assert {n for r in rows for n in r.returns} == set(RETURNS)
    for kind, names in (("need", NEEDS), ("return", RETURNS)):
        for name in names:
            assert {"en", "fr"} <= set(table()[f"{kind}_{name}"])


def test_what_the_facts_say_of_the_protected_ones() -> None:
    rows = removals()
    assert rows["nsight"].needs == ("uninstall_code",) and rows["nsight"].loses == ("protection",)
    assert rows["ninjaone"].needs == ("console_release",)
    assert "reregisters" in rows["cw_rmm"].returns
    assert rows["splashtop"].returns == ("parent",)


def test_the_uninstaller_is_a_command_and_no_sentence() -> None:
    for row in removals().values():
        assert not re.search(r"\b(the|its|of|then|le|la|puis)\b", row.how, re.IGNORECASE), row.how


def test_a_tool_nobody_knows_is_refused() -> None:
    assert len(removals()) < len(tools()), "what is not known is left out"
    with pytest.raises(ValidationError, match="no such tool: splashtap"):
        Removal(tool="atera", how="msiexec", brings=("splashtap",), source="a test")
    with pytest.raises(ValidationError):
        Removal.model_validate(
            {"tool": "atera", "how": "msiexec", "needs": ["none"], "source": "a test"}
        )
