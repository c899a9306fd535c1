"""All TCP servers in one house: peers of the service identification and its bench. What stands where is `TRUTH`, written by hand."""

from __future__ import annotations

from pathlib import Path

from tests.real import data, office, web_and_mail
from tests.real.street import Street

HOUSE = 2
TRUTH: dict[int, tuple[str, str]] = {
    21: ("ftp", "vsFTPd"),
    22: ("ssh", "OpenSSH"),
    23: ("telnet", ""),
    25: ("smtp", "Postfix"),
    53: ("dns", "BIND"),
    80: ("http", "nginx"),
    88: ("kerberos", ""),
    110: ("pop3", "Dovecot"),
    111: ("rpcbind", ""),
    143: ("imap", "Dovecot"),
    389: ("ldap", "OpenLDAP"),
    443: ("https", "nginx"),
    445: ("smb", "Samba"),
    631: ("ipp", "CUPS"),
    636: ("ldap", "OpenLDAP"),
    873: ("rsync", ""),
    993: ("imap", "Dovecot"),
    995: ("pop3", "Dovecot"),
    1723: ("pptp", "linux"),
    1883: ("mqtt", "Mosquitto"),
    3260: ("iscsi", ""),
    3306: ("mysql", "MariaDB"),
    3389: ("rdp", "xrdp"),
    5432: ("postgresql", "PostgreSQL"),
    5900: ("vnc", "TigerVNC"),
    6000: ("x11", "X.Org"),
    6379: ("redis", "Redis"),
    11211: ("memcached", "memcached"),
    2222: ("ssh", "OpenSSH"),
    8099: ("http", "nginx"),
    8499: ("https", "nginx"),
}
"""Port -> (protocol, program). The last three stand on ports that no list knows."""


class RealServers(Street):
    """One house, seen from this machine."""

    def __init__(self, folder: Path) -> None:
        everything = (
            *(web_and_mail.SSH, web_and_mail.WEB, office.SMB, office.LDAP),
            *(data.MARIADB, data.POSTGRESQL, web_and_mail.FTP, web_and_mail.SMTP),
            *(web_and_mail.MAIL, web_and_mail.TELNET, office.VNC, office.RDP),
            *(data.MQTT, office.IPP, data.REDIS, data.MEMCACHED, office.KERBEROS),
            *(office.DNS, web_and_mail.RSYNC, office.RPC, office.PPTP, office.ISCSI),
        )
        super().__init__(folder, {HOUSE: everything})

    def __enter__(self) -> RealServers:
        super().__enter__()
        return self

    @property
    def address(self) -> str:
        return self.at(HOUSE)

    @property
    def ports(self) -> list[int]:
        """Usual port numbers of what runs."""
        return self.open_ports(HOUSE)
