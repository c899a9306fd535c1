"""A small client's network of real servers: houses, what stands where (by hand), and an engagement of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from fixtures.lab.engagement import MANDATE
from tests.real import data, office, udp, web_and_mail
from tests.real.street import Recipe, Street

GATEWAY, BUILDING = 2, 130
HOUSES: Mapping[int, Sequence[Recipe]] = {
    GATEWAY: (udp.DNSMASQ, udp.UPNP, udp.SNMP, udp.NTP),
    10: (web_and_mail.SSH, web_and_mail.WEB, web_and_mail.SMTP, web_and_mail.MAIL, office.DNS),
    11: (office.SMB, udp.NMBD, office.IPP, udp.MDNS, udp.DLNA, udp.WSD),
    12: (data.MARIADB, data.POSTGRESQL, data.MQTT),
    13: (office.VNC, office.RDP),
    20: (udp.IPMI,),
    21: (udp.SIP,),
    22: (udp.ONVIF,),
    BUILDING: (udp.BACNET,),
}
TCP: Mapping[tuple[int, int], tuple[str, str]] = {
    (2, 53): ("dns", "dnsmasq"),
    (2, 5000): ("http", "MiniUPnP"),
    (10, 22): ("ssh", "OpenSSH"),
    (10, 2222): ("ssh", "OpenSSH"),
    (10, 25): ("smtp", "Postfix"),
    (10, 53): ("dns", "BIND"),
    (10, 80): ("http", "nginx"),
    (10, 110): ("pop3", "Dovecot"),
    (10, 143): ("imap", "Dovecot"),
    (10, 443): ("https", "nginx"),
    (10, 993): ("imap", "Dovecot"),
    (10, 995): ("pop3", "Dovecot"),
    (10, 8099): ("http", "nginx"),
    (10, 8499): ("https", "nginx"),
    (11, 445): ("smb", "Samba"),
    (11, 631): ("ipp", "CUPS"),
    (11, 5357): ("http", ""),
    (11, 8200): ("http", "MiniDLNA"),
    (12, 1883): ("mqtt", "Mosquitto"),
    (12, 3306): ("mysql", "MariaDB"),
    (12, 5432): ("postgresql", "PostgreSQL"),
    (13, 3389): ("rdp", "xrdp"),
    (13, 5900): ("vnc", "TigerVNC"),
    (13, 6000): ("x11", "X.Org"),
}
"""(house, port) -> (protocol, program)."""
UDP: Mapping[tuple[int, int], str] = {
    (2, 53): "dns",
    (2, 123): "ntp",
    (2, 161): "snmp",
    (2, 1900): "ssdp",
    (10, 53): "dns",
    (11, 137): "netbios",
    (11, 1900): "ssdp",
    (11, 3702): "wsd",
    (11, 5353): "mdns",
    (20, 623): "ipmi",
    (21, 5060): "sip",
    (22, 3702): "wsd",
    (130, 47808): "bacnet",
}


class Whole(Street):
    """Looked at by a technician who has a namespace of their own, with the gateway house as default route."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, HOUSES, apart=True)

    def __enter__(self) -> Whole:
        super().__enter__()
        return self

    def arrive(self) -> None:
        """The technician's machine knows its gateway, and nobody else any more."""
        gateway = self.places[GATEWAY]
        self.at_home("ip", "neigh", "flush", "all")
        self.at_home("ip", "route", "replace", "default", "via", gateway.address)
        known = ("lladdr", gateway.mac, "dev", self.card, "nud", "stale")
        self.at_home("ip", "neigh", "replace", gateway.address, *known)

    def engagement(self, folder: Path) -> Path:
        """What a technician would have written: the building's controllers in a network of their own, opted in to."""
        folder.mkdir(mode=0o700)
        today, day = date.today(), timedelta(days=1)
        (folder / "client.toml").write_text(
            f"""\
msp = "msp.toml"
[client]
name = "Acme"
[mandate]
signed_by = "A. Person"
signed_on = {today - day}
valid     = {{ from = {today - day}, to = {today + 30 * day} }}
document  = "mandat-signe.pdf"
allows    = ["sweep"]
data_processing_agreement = true
staff_informed = true
keep_until = {today + 60 * day}
[takeover]
former_knows = true
[[site]]
id       = "house"
scan     = "always"
networks = [
  {{ net = "{self.network}", use = "office" }},
  {{ net = "{self.at(BUILDING)}/32", use = "other", care = "ot", ot_ports = true }},
]
here_if  = {{ gateway_mac = "{self.places[GATEWAY].mac}" }}
""",
            "utf-8",
        )
        (folder / "msp.toml").write_text('name = "MSP"\noperator = "T. Echnician"\n', "utf-8")
        (folder / "mandat-signe.pdf").write_bytes(MANDATE)
        return folder
