"""A complete fictional client.toml with every key of the schema, and the folder around it."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from agent.engagement.engagement import Engagement, load_engagement
from agent.engagement.here import Here
from agent.net.interfaces import Interface, Neighbour, Route

MAC = "00:00:5e:00:53:01"
CLIENT = """\
msp = "msp.toml"

[client]
name = "Atelier Durand SARL"
language = "fr"
sector = "industry"
contact = { name = "Anne Durand", role = "DG", phone = "+33 5 36 49 02 01", email = "a@durand.example" }
domains = ["durand.example"]
m365 = "durand.example"
google = ""

[mandate]
signed_by = "Anne Durand, DG"
signed_on = 2026-01-05
valid = { from = 2026-01-10, to = 2026-06-30 }
document = "mandat.pdf"
allows = ["sweep", "directory"]
data_processing_agreement = true
staff_informed = true
keep_until = 2026-12-31

[care]
medical = "no"
production = "listed"

[takeover]
mode = "hostile"
former_knows = false
contract_ends = 2026-05-31

[[site]]
id = "usine"
address = "3 rue de l'Exemple"
timezone = "Europe/Paris"
hours = "Mon-Fri 08:00-18:00"
scan = "Mon-Fri 09:30-11:30"
networks = [
  { net = "192.168.7.0/24", use = "office" },
  { net = "192.168.8.0/24", use = "cameras", care = "slow" },
  { net = "192.168.9.0/24", use = "guest" },
  { net = "192.168.10.0/24", use = "production", care = "passive" },
  { net = "192.168.11.0/24", use = "production", care = "ot" },
  { net = "192.168.12.0/28", use = "production", care = "ot", ot_ports = true },
]
never = [{ net = "192.168.7.60", why = "card terminal" }]
unreached = [{ net = "10.9.0.0/24", why = "VPN pool" }]
here_if = { gateway_mac = "00:00:5e:00:53:01", public_ip = "203.0.113.20" }

[[site]]
id = "depot"
reach = "rmm:SRV-1"
networks = [{ net = "192.168.7.0/24", use = "office" }]

[[former]]
name = "InfoNord"
aliases = ["Info Nord"]
domains = ["infonord.example"]
phones = ["+33 5 36 49 99 01"]
networks = ["198.51.100.0/28"]
people = ["Paul Roux"]
tools = ["N-able N-central", "ScreenConnect"]
ids = { screenconnect = ["ab12cd34ef56ab78"] }
owns = ["192.168.7.1 at usine"]

[[approved]]
name = "ERP partner"
tools = ["TeamViewer"]
on = ["SRV-ERP"]
until = 2026-03-31

[[account]]
id = "ad"
for = "directory"
user = "audit@durand.example"
secret = "env:HANDOVER_AD"

[[account]]
id = "snmp"
for = "snmp"
at = "usine"
secret = ["prompt", "env:HANDOVER_SNMP"]

[imports]
staff = "staff.csv"
consoles = { rmm = "rmm.csv", mdm = "" }
"""
MSP = """\
name = "Notre MSP"
aliases = ["NMSP"]
operator = "Alex Petit"
language = "fr"
people = ["Alex Petit"]
domains = ["msp.example"]
networks = ["203.0.113.64/28"]
tools = ["NinjaOne"]
ids = { screenconnect = ["0123456789abcdef"] }

[[known]]
name = "Info Nord"
tools = ["Atera"]
ids = { atera = ["boss@infonord.example"], screenconnect = ["ffffffffffffffff"] }
"""


def folder(path: Path, client: str = CLIENT, msp: str = MSP) -> Path:
    """An engagement folder in *path*."""
    path.mkdir(exist_ok=True)
    (path / "client.toml").write_text(client, "utf-8")
    (path / "msp.toml").write_text(msp, "utf-8")
    (path / "mandat.pdf").write_bytes(b"%PDF signed")
    return path


def engagement(path: Path, client: str = CLIENT, msp: str = MSP) -> Engagement:
    return load_engagement(folder(path, client, msp))


ROUTES: tuple[Route, ...] = (
    Route("eth0", IPv4Network("0.0.0.0/0"), "192.168.7.1", 100),
    Route("eth0", IPv4Network("192.168.7.0/24"), None, 100),
)


def here(mac: str | None = MAC) -> Here:
    """A machine at 192.168.7.20 behind the gateway 192.168.7.1."""
    return Here(
        interfaces=(Interface("eth0", "02:00:00:00:00:20", ("192.168.7.20/24",)),),
        routes=ROUTES,
        neighbours=(Neighbour("192.168.7.1", "eth0", mac),) if mac else (),
    )
