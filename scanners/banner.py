"""What a service says first: SSH (RFC 4253), FTP (959), SMTP (5321), POP3 (1939), IMAP (3501), VNC (6143), MySQL, telnet (854).

Read only: not a byte is written. A service that stalls, drips, floods or closes is read as far as the limits go, and said so.
"""

from __future__ import annotations

import re

from agent.model.bodies import Banner

LIMIT = 2048
SSH_PORT = 22
SMTP_PORTS = frozenset({25, 465, 587})
_SSH = re.compile(rb"^SSH-\d", re.MULTILINE)
_TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|.)", re.DOTALL)
_FTP = re.compile(rb"(?i)\bs?ftps?\b|ftpd|filezilla|serv-u")


def finished(port: int, data: bytes) -> bool:
    """One line is enough for the protocols that greet with a line; SMTP and FTP may have several (`220-`), SSH others before its own."""
    if not data.endswith(b"\n") or data.startswith(b"\xff"):
        return False
    if port == SSH_PORT and not _SSH.search(data):
        return False
    last = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    return not re.match(rb"\d{3}-", last)


def parse(port: int, data: bytes, *, truncated: bool = False) -> Banner:
    """The banner in *data* (any bytes). Text is UTF-8 where it is, else replaced; telnet options are taken out."""
    cut = data[:LIMIT]
    protocol = protocol_of(port, cut)
    if protocol == "ssh" and (line := _SSH.search(cut)):
        cut = cut[line.start() :]
    if protocol == "telnet":
        cut = _TELNET.sub(b"", cut)
    if protocol == "mysql":
        cut = _mysql(cut)
    text = cut.decode("utf-8", "replace")[:LIMIT]
    return Banner(
        port=port,
        protocol=protocol,
        text=text,
        truncated=truncated or len(data) > len(data[:LIMIT]),
    )


def protocol_of(port: int, data: bytes) -> str:
    """The protocol these first bytes belong to; empty when they fit none."""
    if _SSH.search(data):
        return "ssh"
    starts = {
        b"RFB ": "vnc",
        b"@RSYNCD:": "rsync",
        b"+OK": "pop3",
        b"* OK": "imap",
        b"* PREAUTH": "imap",
        b"* BYE": "imap",
    }
    for start, protocol in starts.items():
        if data.startswith(start):
            return protocol
    if re.match(rb"\xff[\xfb-\xfe]", data):
        return "telnet"
    # Packet header (length, sequence 0), then protocol version 10 or 9, or an error packet that turns us away.
    if (
        len(data) > 5
        and data[3] == 0
        and data[4] in (9, 10, 0xFF)
        and data[0] >= 5
        and data[2] == 0
    ):
        return "mysql"
    if re.match(rb"(?:220|421|530)[ -]", data):
        words = data[:400].lower()
        if b"vmware authentication" in words:
            return "vmware-auth"
        if _FTP.search(words) or port == 21:
            return "ftp"
        if b"smtp" in words or port in SMTP_PORTS:
            return "smtp"
    # Printers and old gear prompt without options.
    return "telnet" if port == 23 and data else ""


def _mysql(packet: bytes) -> bytes:
    """Server version of a Protocol::Handshake, or the words of an error packet (MySQL client/server protocol)."""
    if packet[4] == 0xFF:
        return packet[7:]
    return packet[5:].split(b"\0", 1)[0]
