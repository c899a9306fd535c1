"""Servers of files, pages, mail and logins: OpenSSH, nginx, vsftpd, Postfix, Dovecot, telnetd, rsync."""

from __future__ import annotations

import os
import sys
from functools import partial

from fixtures.lab import sshd as keep
from tests.real.street import Place, Recipe


def sshd(p: Place) -> None:
    for port in (22, 2222):
        p.within(partial(keep.start, p.folder / f"ssh{port}", p.address, port))


def web(p: Place) -> None:
    a, f = p.address, p.folder
    listens = "".join(
        f"server {{ listen {a}:{port}{' ssl' if tls else ''}; root {f}; }}\n"
        for port, tls in ((80, False), (443, True), (8099, False), (8499, True))
    )
    p.place("index.html", "<html><head><title>Acme intranet</title></head><body></body></html>")
    conf = p.place(
        "nginx.conf",
        f"daemon off; pid {f}/nginx.pid; error_log {f}/nginx.error; events {{}}\n"
        f"http {{ access_log off; ssl_certificate {f}/cert.pem; ssl_certificate_key {f}/key.pem;\n"
        f"client_body_temp_path {f}; proxy_temp_path {f}; fastcgi_temp_path {f};\n"
        f"uwsgi_temp_path {f}; scgi_temp_path {f};\n{listens} }}\n",
    )
    p.start("nginx", "-c", conf)


def vsftpd(p: Place) -> None:
    f = p.folder
    conf = p.place(
        "vsftpd.conf",
        f"listen=YES\nbackground=NO\nlisten_address={p.address}\nlisten_port=21\n"
        f"anonymous_enable=NO\nlocal_enable=YES\nssl_enable=YES\nrsa_cert_file={f}/cert.pem\n"
        f"rsa_private_key_file={f}/key.pem\nsecure_chroot_dir={p.place('empty')}\n",
    )
    p.start("vsftpd", conf)


def postfix_prepare(p: Place) -> None:
    if os.geteuid() != 0:
        raise PermissionError("postfix wants root")
    f = p.folder
    etc = p.place("postfix")
    p.place("postfix.data", user="postfix")
    p.place("postfix.queue/pid")
    for name in ("private", "public", "incoming", "active", "deferred", "defer", "maildrop"):
        p.place(f"postfix.queue/{name}", user="postfix")
    (etc / "main.cf").write_text(
        f"compatibility_level = 3.6\ninet_interfaces = {p.address}\ninet_protocols = ipv4\n"
        f"queue_directory = {f}/postfix.queue\ndata_directory = {f}/postfix.data\n"
        f"myhostname = mail.acme.example\nsmtpd_tls_cert_file = {f}/cert.pem\n"
        f"smtpd_tls_key_file = {f}/key.pem\nsmtpd_tls_security_level = may\n"
        "smtpd_peername_lookup = no\nlocal_recipient_maps =\nmaillog_file = /dev/stdout\nalias_maps =\nalias_database =\n"
    )
    (etc / "master.cf").write_text(
        f"{p.address}:25 inet n - n - - smtpd\n"
        "cleanup unix n - n - 0 cleanup\nrewrite unix - - n - - trivial-rewrite\n"
        "tlsmgr unix - - n 1000? 1 tlsmgr\nanvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\n"
    )


def postfix(p: Place) -> None:
    p.start("/usr/lib/postfix/sbin/master", "-c", p.folder / "postfix", "-d")


def dovecot(p: Place) -> None:
    if os.geteuid() != 0:
        raise PermissionError("dovecot wants root")
    f, a = p.folder, p.address
    listeners = "".join(
        f"service {kind}-login {{\n"
        f" inet_listener {kind} {{\n address = {a}\n port = {plain}\n }}\n"
        f" inet_listener {kind}s {{\n address = {a}\n port = {tls}\n ssl = yes\n }}\n}}\n"
        for kind, plain, tls in (("imap", 143, 993), ("pop3", 110, 995))
    )
    conf = p.place(
        "dovecot.conf",
        f"protocols = imap pop3\nbase_dir = {p.place('dovecot')}\nlog_path = {f}/dovecot.err\n"
        f"auth_mechanisms = plain\npassdb {{\n driver = static\n args = nopassword=n\n}}\nuserdb {{\n driver = prefetch\n}}\n"
        f"ssl = yes\nssl_cert = <{f}/cert.pem\nssl_key = <{f}/key.pem\n{listeners}",
    )
    p.start("dovecot", "-F", "-c", conf)


def telnet(p: Place) -> None:
    p.start(
        *(sys.executable, "-m", "tests.inetd", p.address, str(23)),
        "/usr/sbin/telnetd",
    )


def rsync(p: Place) -> None:
    conf = p.place("rsyncd.conf", "use chroot = no\n[backup]\npath = /nonexistent\n")
    p.start(
        *("rsync", "--daemon", "--no-detach", f"--config={conf}"),
        *(f"--address={p.address}", "--port=873"),
    )


SSH = Recipe(sshd, (22, 2222))
WEB = Recipe(web, (80, 443, 8099, 8499))
FTP = Recipe(vsftpd, (21,))
SMTP = Recipe(postfix, (25,), prepare=postfix_prepare)
MAIL = Recipe(dovecot, (110, 143, 993, 995))
TELNET = Recipe(telnet, (23,))
RSYNC = Recipe(rsync, (873,))
