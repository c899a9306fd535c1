"""Every port of real servers is named, with its facts; few connections, no log-in, nothing left undone."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest

from agent.model import bodies_services as told
from agent.model.bodies import Banner, Body, HostName, HttpPage, SshHostKey, TcpPort, TlsCertificate
from agent.model.scope import ScopeRule
from scanners.services.conversation import Conversation
from scanners.services.probe import Services
from tests.agent.net.peers import Books, context, run_unit
from tests.real.one_house import TRUTH, RealServers

pytestmark = [
    pytest.mark.root,
    pytest.mark.needs("ip", "setpriv", "openssl", "smbd", "slapd", "mariadbd", "vsftpd", "dovecot"),
    pytest.mark.needs("Xtigervnc", "xrdp", "mosquitto", "cupsd", "redis-server", "memcached"),
    pytest.mark.needs("nginx", "krb5kdc", "named", "rpcbind", "rsync"),
    pytest.mark.xdist_group("real-servers"),
]


B = TypeVar("B", bound=Body)


@dataclass
class Seen:
    books: Books
    missing: dict[int, str]
    connections: dict[int, int]
    folder: Path

    def at(self, port: int) -> list[Body]:
        return [b for _, b in self.books.bodies if getattr(b, "port", None) == port]

    def one(self, port: int, kind: type[B]) -> B:
        (found,) = [b for b in self.at(port) if isinstance(b, kind)]
        return found


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    connections: dict[int, int] = {}
    with (
        # Not below pytest's folder, which is closed to the users some servers run as.
        TemporaryDirectory(prefix="handover-", ignore_cleanup_errors=True) as place,
        RealServers(Path(place)) as servers,
        pytest.MonkeyPatch.context() as patch,
    ):
        settle = Conversation.settle

        def counted(c: Conversation) -> None:
            connections[c.port] = c.connections
            settle(c)

        patch.setattr(Conversation, "settle", counted)
        ctx = context(
            [(servers.address, TcpPort(port=p)) for p in servers.ports],
            scope=ScopeRule(allowed=(servers.network,)),
        )
        books = asyncio.run(run_unit(Services(), ctx))
        missing = {port: why for (_, port), why in servers.missing.items()}
        yield Seen(books, missing, connections, servers.places[2].folder)


def test_all_of_them_run(seen: Seen) -> None:
    assert seen.missing == {}


@pytest.mark.parametrize("port", sorted(TRUTH))
def test_every_port_is_named(seen: Seen, port: int) -> None:
    protocol, _ = TRUTH[port]
    names = {b.protocol_name for b in seen.at(port) if isinstance(b, told.ServiceBody)}
    names |= {b.protocol for b in seen.at(port) if isinstance(b, Banner)}
    names |= {"https" if b.tls else "http" for b in seen.at(port) if isinstance(b, HttpPage)}
    assert protocol in names
    assert {n for n in names if n} <= {protocol, "http", "SMBv1"}


def test_few_connections(seen: Seen) -> None:
    dear = {port: n for port, n in seen.connections.items() if n > 1}
    # SMB 1 and NLA are asked on their own; CUPS ends each; HTTPS on an unknown port is tried as HTTP first.
    assert dear.keys() <= {445, 631, 8499}
    assert max(dear.values()) <= 3


def test_ssh(seen: Seen) -> None:
    hello = seen.one(22, told.SshHello)
    assert hello.identification.startswith("SSH-2.0-OpenSSH_")
    assert "curve25519-sha256" in hello.kex
    assert "aes128-ctr" in hello.ciphers
    key = seen.one(22, SshHostKey)
    public = seen.folder / "ssh22" / "ssh_host_ed25519_key"
    printed = subprocess.run(
        ["ssh-keygen", "-l", "-f", public], check=True, capture_output=True, text=True
    ).stdout
    assert key.key_type == "ssh-ed25519"
    assert key.fingerprint == printed.split()[1]
    assert seen.one(2222, SshHostKey).fingerprint != key.fingerprint


def test_files_and_directory(seen: Seen) -> None:
    smb = seen.one(445, told.SmbHello)
    assert (smb.dialect, smb.smb1, smb.signing_required) == ("SMB 3.1.1", True, False)
    ntlm = seen.one(445, told.NtlmChallenge)
    assert (ntlm.netbios_computer, ntlm.os_version) == ("FILES", "6.1.0")
    assert any(isinstance(b, HostName) and b.source == "smb" for _, b in seen.books.bodies)
    for port, tls, starttls in ((389, False, True), (636, True, None)):
        root = seen.one(port, told.LdapRootDse)
        assert root.naming_contexts == ("dc=acme,dc=example",)
        assert (root.product_name, root.tls, root.starttls) == ("OpenLDAP", tls, starttls)
    assert seen.one(88, told.KerberosHello).realm == "ACME.EXAMPLE"


@pytest.mark.parametrize(
    "port", [21, 25, 110, 143, 389, 443, 636, 993, 995, 3306, 3389, 5432, 8499]
)
def test_certificates_behind_tls_and_starttls(seen: Seen, port: int) -> None:
    assert seen.one(port, TlsCertificate).subject == "CN=srv.acme.example"


def test_mail_and_ftp(seen: Seen) -> None:
    ftp = seen.one(21, told.MailOrFiles)
    assert (ftp.starttls, "AUTH TLS" in ftp.capabilities) == (True, True)
    smtp = seen.one(25, told.MailOrFiles)
    assert (smtp.name, smtp.starttls, smtp.cleartext_login) == ("mail.acme.example", True, False)
    imap = seen.one(143, told.MailOrFiles)
    assert (imap.starttls, imap.cleartext_login) == (True, False)
    pop3 = seen.one(110, told.MailOrFiles)
    assert (pop3.starttls, pop3.cleartext_login) == (True, False)
    assert seen.one(993, told.MailOrFiles).tls
    assert seen.one(995, told.MailOrFiles).tls


def test_databases(seen: Seen) -> None:
    maria = seen.one(3306, told.DatabaseHello)
    assert (maria.product, maria.encryption, maria.auth) == (
        "MariaDB",
        "offered",
        "mysql_native_password",
    )
    assert maria.version.startswith("10.")
    postgres = seen.one(5432, told.DatabaseHello)
    assert (postgres.product, postgres.encryption) == ("PostgreSQL", "offered")
    redis = seen.one(6379, told.ServiceNamed)
    assert (redis.product, redis.open, redis.version[:2]) == ("Redis", True, "7.")
    assert seen.one(11211, told.ServiceNamed).version.startswith("1.6")


def test_desks_and_things(seen: Seen) -> None:
    vnc = seen.one(5900, told.VncHello)
    assert (vnc.version, vnc.security, vnc.without_password) == ("3.8", (1,), True)
    x11 = seen.one(6000, told.X11Hello)
    assert (x11.open, x11.vendor) == (True, "The X.Org Foundation")
    rdp = seen.one(3389, told.RdpHello)
    assert (rdp.security, rdp.nla, rdp.nla_required) == ("tls", False, False)
    mqtt = seen.one(1883, told.MqttHello)
    assert (mqtt.code, mqtt.anonymous) == (0, True)
    ipp = seen.one(631, told.IppPrinter)
    assert "CUPS" in ipp.server
    login = seen.one(23, Banner)
    assert "login:" in login.text


def test_nothing_was_logged_in_to(seen: Seen) -> None:
    """What the servers wrote down: no user name, no password, no failed log-on."""
    logs = b"".join(p.read_bytes() for p in seen.folder.glob("ssh*/sshd.log"))
    assert b"Failed" not in logs
    assert b"Invalid user" not in logs
    words = b"".join(p.read_bytes() for p in seen.folder.glob("*.log")).lower()
    assert b"authentication failed" not in words
    assert b"login failed" not in words
