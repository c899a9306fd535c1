"""`MspFile`: msp.toml, who WE are, written once per MSP and shared by all engagements; with what was learned of former providers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent.engagement.client_file import Texts, ex
from agent.engagement.fields import AgeRecipient, Domain, Language, Name, Range, Table


class KnownProvider(Table):
    """What earlier engagements learned of another provider: joined to a `[[former]]` of the same name or alias."""

    name: Annotated[Name, Field(json_schema_extra=ex('name = "InfoSud Services"'))]
    aliases: Annotated[Texts, Field(json_schema_extra=ex('aliases = ["ISS"]'))] = ()
    domains: Annotated[
        tuple[Domain, ...], Field(json_schema_extra=ex('domains = ["infosud.example"]'))
    ] = ()
    networks: Annotated[
        tuple[Range, ...], Field(json_schema_extra=ex('networks = ["198.51.100.16/28"]'))
    ] = ()
    tools: Annotated[Texts, Field(json_schema_extra=ex('tools = ["ScreenConnect"]'))] = ()
    ids: Annotated[
        dict[str, Texts],
        Field(json_schema_extra=ex('ids = { screenconnect = ["ab12cd34ef56ab78"] }')),
    ] = {}


class MspFile(Table):
    """`age` is the public recipient to which runs are to be encrypted (not done by this version: `run` says so); `age_identity` the path of
    the private file that opens secrets."""

    name: Annotated[str, Field(json_schema_extra=ex('name = "Notre MSP"'))] = ""
    aliases: Annotated[Texts, Field(json_schema_extra=ex('aliases = ["NMSP"]'))] = ()
    operator: Annotated[str, Field(json_schema_extra=ex('operator = "Alex Durand"'))] = ""
    language: Annotated[Language, Field(json_schema_extra=ex('language = "fr"'))] = "en"
    people: Annotated[Texts, Field(json_schema_extra=ex('people = ["Alex Durand"]'))] = ()
    domains: Annotated[
        tuple[Domain, ...], Field(json_schema_extra=ex('domains = ["msp.example"]'))
    ] = ()
    phones: Annotated[Texts, Field(json_schema_extra=ex('phones = ["+33 5 36 49 00 00"]'))] = ()
    networks: Annotated[
        tuple[Range, ...], Field(json_schema_extra=ex('networks = ["203.0.113.64/28"]'))
    ] = ()
    tools: Annotated[Texts, Field(json_schema_extra=ex('tools = ["NinjaOne"]'))] = ()
    ids: Annotated[
        dict[str, Texts],
        Field(json_schema_extra=ex('ids = { screenconnect = ["0123456789abcdef"] }')),
    ] = {}
    installers: Annotated[
        Texts, Field(json_schema_extra=ex('installers = ["https://rmm.msp.example/agent.msi"]'))
    ] = ()
    age: Annotated[
        AgeRecipient | None,
        Field(
            json_schema_extra=ex(
                'age = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"'
            )
        ),
    ] = None
    age_identity: Annotated[
        str, Field(json_schema_extra=ex('age_identity = "~/.config/handover/age-identity.txt"'))
    ] = ""
    known: Annotated[
        tuple[KnownProvider, ...],
        Field(json_schema_extra=ex('known = [{ name = "InfoSud Services" }]')),
    ] = ()


def config_folder() -> Path:
    """Where msp.toml lies: `%APPDATA%\\handover` on Windows, `$XDG_CONFIG_HOME/handover` or `~/.config/handover` elsewhere."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "handover"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "handover"


def msp_path(folder: Path, named: str) -> Path:
    """Path of msp.toml for the engagement in *folder*, whose client.toml says *named* (may be empty)."""
    if not named:
        return config_folder() / "msp.toml"
    path = Path(named).expanduser()
    return path if path.is_absolute() else folder / path
