"""What an office runs: Samba, OpenLDAP, Kerberos, VNC and X, Remote Desktop, CUPS, BIND, rpcbind."""

from __future__ import annotations

import os

from tests.real.street import Place, Recipe

REALM = "ACME.EXAMPLE"
BASE = "dc=acme,dc=example"


def samba(p: Place) -> None:
    dirs = "".join(
        f"{d} directory = {p.place('samba')}\n" for d in ("lock", "state", "cache", "pid")
    )
    conf = p.place(
        "smb.conf",
        f"[global]\nworkgroup = ACME\nnetbios name = FILES\nserver min protocol = NT1\n"
        f"interfaces = {p.address}/8\nbind interfaces only = yes\nsmb ports = 445\n"
        f"private dir = {p.place('samba')}\n{dirs}log file = {p.folder}/samba.log\n"
        "disable spoolss = yes\nload printers = no\nserver string = acme files\n",
    )
    p.start("smbd", "-F", "--no-process-group", "-s", conf)


def slapd(p: Place) -> None:
    f = p.folder
    conf = p.place(
        "slapd.conf",
        "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
        f"pidfile {f}/slapd.pid\nTLSCertificateFile {f}/cert.pem\nTLSCertificateKeyFile {f}/key.pem\n"
        f'database mdb\nsuffix "{BASE}"\ndirectory {p.place("ldap")}\n',
    )
    a = p.address
    urls = f"ldap://{a}:389/ ldaps://{a}:636/"
    p.start("slapd", "-d", "0", "-f", conf, "-h", urls)


def _kerberos(p: Place) -> dict[str, str]:
    f = p.folder
    krb = p.place("krb5.conf", f"[libdefaults]\ndefault_realm = {REALM}\n")
    kdc = p.place(
        "kdc.conf",
        f'[kdcdefaults]\nkdc_listen = ""\n kdc_tcp_listen = {p.address}:88\n'
        f"[realms]\n{REALM} = {{\n database_name = {f}/principal\n key_stash_file = {f}/stash\n }}\n",
    )
    return {"KRB5_CONFIG": str(krb), "KRB5_KDC_PROFILE": str(kdc)}


def kdc_prepare(p: Place) -> None:
    env = _kerberos(p)
    p.do("kdb5_util", "create", "-s", "-r", REALM, "-P", "only-of-this-test", env=env)


def kdc(p: Place) -> None:
    p.start("krb5kdc", "-n", "-r", REALM, env=_kerberos(p))


def vnc(p: Place) -> None:
    # The number of the display makes the port of X: 6000.
    p.start_alone(
        "/tmp",
        *("Xtigervnc", ":0", "-rfbport", "5900", "-SecurityTypes", "None"),
        *("-listen", "tcp", "-nolisten", "unix", "-nolisten", "local", "-ac"),
        *("-geometry", "64x64", "-AlwaysShared"),
    )


def xrdp(p: Place) -> None:
    f = p.folder
    ini = p.place(
        "xrdp.ini",
        f"[Globals]\nini_version=1\nfork=false\nport=tcp://{p.address}:3389\n"
        f"security_layer=negotiate\ncertificate={f}/cert.pem\nkey_file={f}/key.pem\n"
        "rsakeys_ini=/etc/xrdp/rsakeys.ini\nssl_protocols=TLSv1.2, TLSv1.3\n"
        f"[Logging]\nLogFile={f}/xrdp.own.log\nLogLevel=INFO\n[Xorg]\nname=Xorg\nlib=libxup.so\n",
    )
    p.start("xrdp", "--nodaemon", "-c", ini)


def cups(p: Place) -> None:
    if os.geteuid() != 0:
        raise PermissionError("cupsd wants root")
    f = p.folder
    files = p.place(
        "cups-files.conf",
        f"ServerRoot {p.place('cups')}\nRequestRoot {p.place('cups.spool')}\n"
        f"CacheDir {p.place('cups.cache')}\nStateDir {p.place('cups.state')}\n"
        f"AccessLog {f}/cups.access\nErrorLog {f}/cups.error\nPageLog {f}/cups.page\n"
        f"DocumentRoot /usr/share/cups/doc-root\n",
    )
    conf = p.place(
        "cupsd.conf",
        f"Listen {p.address}:631\nListen 127.0.0.1:631\nBrowsing Off\nWebInterface No\nServerAlias *\n"
        "<Location />\nOrder allow,deny\nAllow all\n</Location>\n",
    )
    p.start("cupsd", "-f", "-c", conf, "-s", files)


def named(p: Place) -> None:
    where = p.place("bind")
    conf = p.place(
        "named.conf",
        f'options {{ directory "{where}"; pid-file none; session-keyfile none; recursion no;\n'
        f"listen-on port 53 {{ {p.address}; }}; listen-on-v6 {{ none; }};\n"
        "dnssec-validation no; }; controls { };\n",
    )
    p.start("named", "-f", "-c", conf, "-n", "1")


def rpcbind(p: Place) -> None:
    p.start_alone("/run", "rpcbind", "-f", "-h", p.address)


def pptpd(p: Place) -> None:
    conf = p.place(
        "pptpd.conf",
        f"option {p.place('pptp.options', 'noauth')}\nlocalip 192.0.2.1\nremoteip 192.0.2.2-9\n",
    )
    p.start("pptpd", "-f", "-c", conf, "-l", p.address, "-p", p.folder / "pptpd.pid")


def tgtd(p: Place) -> None:
    # A control port (the name of a socket of this machine) of its own, so that a tgtd that runs here already is left alone.
    control = str(1000 + os.getpid() % 30000)
    p.start("tgtd", "-f", "-C", control, "--iscsi", f"portal={p.address}:3260")
    # Without a target it hangs up on everybody.
    again = 'for n in $(seq 50); do tgtadm -C "$@" && exit; sleep 0.1; done; exit 1'
    target = ("--op", "new", "--mode", "target", "--tid", "1", "-T", "iqn.2026-11.example.acme:one")
    p.do("sh", "-c", again, "tgtadm", control, "--lld", "iscsi", *target)


SMB = Recipe(samba, (445,))
LDAP = Recipe(slapd, (389, 636))
KERBEROS = Recipe(kdc, (88,), prepare=kdc_prepare)
VNC = Recipe(vnc, (5900, 6000))
RDP = Recipe(xrdp, (3389,))
IPP = Recipe(cups, (631,))
DNS = Recipe(named, (53,), udp=(53,))
PPTP = Recipe(pptpd, (1723,))
ISCSI = Recipe(tgtd, (3260,))
RPC = Recipe(rpcbind, (111,))
