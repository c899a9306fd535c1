"""Writes a new client.toml once, with comments in the client's language; what was not said stays as a commented line to fill in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from agent.engagement.problems import Refusal

_EN = {
    "head": (
        "Engagement file of handover. A person writes here; the program only reads it.",
        "Answers, accepted risks and pins learned later are in answers.toml.",
        "`handover plan` checks this file, says what is missing and sends nothing.",
    ),
    "msp": ("Who WE are: another path than the usual one.",),
    "client": ("language: en | fr. sector: office | retail | health | industry.",),
    "mandate": ("No packet is sent before this is complete and in date.",),
    "document": ("Its SHA-256 goes into every run; put the file in this folder.",),
    "allows": ("sweep, directory, devices, endpoints, public-names, old-credential-test",),
    "gdpr": ("GDPR art. 28: signed with the client.",),
    "care": ("Gear that must not be scanned: no | listed (in never) | unplaced | unknown.",),
    "takeover": ("mode: cooperative | hostile | gone. former_knows = false: the quiet profile.",),
    "site": ("hours and scan are the site's own times.",),
    "networks": (
        "use: office servers voice cameras management production guest iot other; care: slow passive ot",
    ),
    "never": ("Left alone, always, with the reason.",),
    "unreached": ("Seen in other devices' tables, never asked (VPN pools).",),
    "here_if": ("How this network is recognised; handover init ENG --site ID learns it.",),
    "former": (
        "The provider who leaves. tools is hearsay; owns is rented gear: never logged into.",
    ),
    "approved": (
        "A vendor who may stay. on: machines (name, address, range; also `... at SITE`) where his tools are approved.",
    ),
    "account": (
        "Never a secret here: prompt | env:NAME | age:FILE#name | keyring[:service] | command:...",
    ),
}
_FR = {
    "head": (
        "Dossier de reprise handover. Ce fichier est rempli à la main ; le programme ne fait que le lire.",
        "Réponses, risques acceptés et repères réseau appris ensuite vont dans answers.toml.",
        "`handover plan` le contrôle, dit ce qui manque et n'envoie rien.",
    ),
    "msp": ("Qui NOUS sommes : à préciser si le fichier n'est pas à sa place habituelle.",),
    "client": ("language : en | fr. sector : office | retail | health | industry.",),
    "mandate": (
        "Aucun paquet ne part tant que ce mandat n'est pas complet et en cours de validité.",
    ),
    "document": (
        "Son empreinte SHA-256 figure dans chaque relevé ; déposer le fichier dans ce dossier.",
    ),
    "allows": ("sweep, directory, devices, endpoints, public-names, old-credential-test",),
    "gdpr": ("RGPD art. 28 : accord signé avec le client.",),
    "care": (
        "Matériel à ne pas scanner : no (aucun) | listed (dans never) | unplaced (non situé) | unknown.",
    ),
    "takeover": ("mode : cooperative | hostile | gone. former_knows = false : profil discret.",),
    "site": ("hours (ouverture) et scan (créneau de relevé) sont à l'heure du site.",),
    "networks": (
        "use : office servers voice cameras management production guest iot other ; care : slow passive ot",
    ),
    "never": ("À laisser tranquille, toujours, avec le motif.",),
    "unreached": ("Vus dans les tables d'autres appareils, jamais interrogés (adresses VPN).",),
    "here_if": ("Ce qui identifie ce réseau ; handover init ENG --site ID l'apprend.",),
    "former": (
        "Le prestataire sortant. tools : par ouï-dire ; owns : matériel loué, sans connexion.",
    ),
    "approved": (
        "Un fournisseur qui reste. on : machines (nom, adresse, plage ; aussi `... at SITE`) où ses outils sont approuvés.",
    ),
    "account": (
        "Jamais de secret ici : prompt | env:NOM | age:FICHIER#nom | keyring[:service] | command:...",
    ),
}
TODAY_EXAMPLES = ("2026-11-20", "2026-11-24", "2027-03-31", "2027-12-31")


@dataclass
class NewSite:
    """Networks as (range, use); never as (range, why)."""

    id: str
    networks: list[tuple[str, str]] = field(default_factory=list)
    never: list[tuple[str, str]] = field(default_factory=list)
    hours: str = ""
    scan: str = ""
    timezone: str = ""
    gateway_mac: str = ""


@dataclass
class NewClient:
    """What `init` was told. Empty texts and None become commented lines."""

    name: str
    language: str = "en"
    sector: str = "office"
    msp: str = ""
    domains: tuple[str, ...] = ()
    signed_by: str = ""
    signed_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    document: str = ""
    allows: tuple[str, ...] = ()
    agreement: bool | None = None
    staff_informed: bool | None = None
    keep_until: date | None = None
    mode: str = "cooperative"
    former_knows: bool = False
    former: tuple[str, ...] = ()
    sites: list[NewSite] = field(default_factory=list)
    care: dict[str, str] = field(default_factory=dict)


def write_new(path: Path, client: NewClient) -> None:
    """Create client.toml. Raises `Refusal` (2) when there is one already, or it cannot be written."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(render(client))
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        raise Refusal(
            2, f"{path} exists and is never rewritten", "edit it, or choose another folder"
        ) from None
    except OSError as error:
        raise Refusal(
            2, f"{path} cannot be written: {error.strerror}", "check the rights and the space"
        ) from None


def render(client: NewClient) -> str:
    """The text of a new client.toml; valid TOML whatever was told."""
    return "\n".join(_lines(client, _FR if client.language == "fr" else _EN)) + "\n"


def _lines(c: NewClient, words: dict[str, tuple[str, ...]]) -> Iterator[str]:
    signed, first, last, keep = (date.fromisoformat(t) for t in TODAY_EXAMPLES)

    def say(key: str) -> Iterator[str]:
        yield from (f"# {line}" for line in words[key])

    yield from say("head")
    yield ""
    yield from say("msp")
    yield _line("msp", c.msp, "~/.config/handover/msp.toml")
    yield ""
    yield "[client]"
    yield from say("client")
    yield _line("name", c.name, "")
    yield _line("language", c.language, "en")
    yield _line("sector", c.sector, "office")
    yield '# contact = { name = "...", role = "...", phone = "...", email = "..." }'
    yield _line("domains", list(c.domains), ["client.example"])
    yield ""
    yield "[mandate]"
    yield from say("mandate")
    yield _line("signed_by", c.signed_by, "...")
    yield _line("signed_on", c.signed_on, signed)
    told = [f"{k} = {d}" for k, d in (("from", c.valid_from), ("to", c.valid_to)) if d]
    dates = ", ".join(told or [f"from = {first}", f"to = {last}"])
    yield f"{'' if told else '# '}valid = {{ {dates} }}"
    yield from say("document")
    yield _line("document", c.document, "mandate.pdf")
    yield from say("allows")
    yield _line("allows", list(c.allows), ["sweep"])
    yield from say("gdpr")
    yield _line("data_processing_agreement", c.agreement, True)
    yield _line("staff_informed", c.staff_informed, True)
    yield _line("keep_until", c.keep_until, keep)
    yield ""
    yield "[care]"
    yield from say("care")
    for kind in ("medical", "laboratory", "lift", "fire_intrusion", "payment", "production"):
        yield _line(kind, c.care.get(kind, ""), "unknown")
    yield ""
    yield "[takeover]"
    yield from say("takeover")
    yield _line("mode", c.mode, "cooperative")
    yield f"former_knows = {'true' if c.former_knows else 'false'}"
    yield "# contract_ends = 2026-12-31"
    for number, site in enumerate(c.sites or [NewSite("")]):
        yield ""
        yield from _site(site, words if number == 0 else {})
    yield ""
    yield from say("former")
    for name in c.former or ("",):
        off = "" if name else "# "
        yield f"{off}[[former]]"
        yield off + _line("name", name or "...", "")
        for key in ("aliases", "domains", "phones", "networks", "people", "tools", "owns"):
            yield f"# {key} = []"
    yield ""
    yield from say("approved")
    yield "# [[approved]]"
    yield '# name = "..."'
    yield '# tools = ["TeamViewer"]'
    yield '# on = ["SRV-ERP"]'
    yield "# until = 2027-12-31"
    yield ""
    yield from say("account")
    yield "# [[account]]"
    yield '# id = "ad"'
    yield '# for = "directory"'
    yield '# user = "audit@client.example"'
    yield '# secret = "prompt"'


def _site(site: NewSite, words: dict[str, tuple[str, ...]]) -> Iterator[str]:
    def say(key: str) -> Iterator[str]:
        yield from (f"# {line}" for line in words.get(key, ()))

    lines: list[str] = ["[[site]]", *say("site"), _line("id", site.id or "hq", "")]
    lines.append(_line("timezone", site.timezone, "Europe/Paris"))
    lines.append(_line("hours", site.hours, "Mon-Fri 08:00-18:30"))
    lines.append(_line("scan", site.scan, "Mon-Fri 09:30-11:30"))
    lines += say("networks")
    lines += _tables("networks", "use", site.networks, ("192.168.1.0/24", "office"))
    lines += say("never")
    lines += _tables("never", "why", site.never, ("192.168.1.60", "card terminal"))
    lines += say("unreached")
    lines.append('# unreached = [{ net = "10.8.0.0/24", why = "VPN" }]')
    lines += say("here_if")
    if site.gateway_mac:
        lines.append(f"here_if = {{ gateway_mac = {_toml(site.gateway_mac)} }}")
    for line in lines:
        yield line if site.id or line.startswith("#") else f"# {line}"


def _tables(
    key: str, second: str, rows: list[tuple[str, str]], example: tuple[str, str]
) -> list[str]:
    off = "" if rows else "# "
    body = [f"  {{ net = {_toml(a)}, {second} = {_toml(b)} }}," for a, b in rows or [example]]
    return [off + line for line in (f"{key} = [", *body, "]")]


def _line(key: str, value: Any, example: Any) -> str:
    said = value is not None and value != "" and value != []
    return f"{'' if said else '# '}{key} = {_toml(value if said else example)}"


def _toml(value: Any) -> str:
    import tomli_w

    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return tomli_w.dumps({"x": value})[len("x = ") :].rstrip("\n")
