"""The README is true: every command and option it names exists, every command it does not name is a fault of the README."""

from __future__ import annotations

import re
from pathlib import Path

from click import Context, Group, Option

from agent.cli import COMMANDS, handover

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def options(name: str) -> set[str]:
    assert isinstance(handover, Group)
    command = handover.get_command(Context(handover), name)
    assert command is not None, name
    return {o for p in command.params if isinstance(p, Option) for o in p.opts} | {"--help"}


def test_every_command_is_in_the_readme() -> None:
    named = set(re.findall(r"^\| `(\w+)", README, re.MULTILINE))
    assert named == set(COMMANDS)


def test_every_option_the_readme_shows_exists() -> None:
    shown = re.findall(r"handover (\w+)((?: +[^\s`]+)*)", README)
    assert len(shown) >= 4
    for name, words in shown:
        if name in COMMANDS:
            given = set(re.findall(r"--[a-z-]+", words))
            assert given <= options(name), f"handover {name}{words}"
    for row in re.findall(r"^\| `(\w+)[^|]*\|(.*)\|$", README, re.MULTILINE):
        assert set(re.findall(r"`(--[a-z-]+)", row[1])) <= options(row[0]) | {"--json"}, row


def test_every_command_has_a_help_of_its_own() -> None:
    for name in COMMANDS:
        command = handover.get_command(Context(handover), name)
        assert command is not None and command.help and len(command.help) > 20, name


def test_the_pages_the_readme_links_exist() -> None:
    root = Path(__file__).parent.parent
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert "docs/architecture.md" in links
    assert not [link for link in links if not (root / link).exists()]
