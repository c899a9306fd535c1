"""Real servers of Debian packages in a network namespace of their own, started together: peers of the service identification and its bench.

Each stands at its usual port of `address`, which this machine reaches through a veth pair; root only. What cannot start here is left out
and named in `missing`; what stands where is `TRUTH`, written by hand.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fixtures.lab import sshd
from fixtures.lab.netns import SETPRIV, LabError, NamespaceWorker, short_command

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
REALM = "ACME.EXAMPLE"
BASE = "dc=acme,dc=example"
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
    1883: ("mqtt", "Mosquitto"),
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


@dataclass
class RealServers:
    folder: Path
    missing: dict[int, str] = field(default_factory=dict[int, str])
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    _worker: NamespaceWorker = field(default_factory=NamespaceWorker)
    _namespace: int = -1

    @property
    def network(self) -> str:
        """Of this process alone: suites run side by side."""
        return f"10.213.{os.getpid() % 251}.0/24"

    @property
    def address(self) -> str:
        return self.network.replace(".0/24", ".2")

    @property
    def ports(self) -> list[int]:
        """Usual port numbers of what runs."""
        return sorted(TRUTH.keys() - self.missing.keys())

    def __enter__(self) -> RealServers:
        self.folder.chmod(0o755)
        self._link()
        self._certificate()
        with ThreadPoolExecutor(4) as pool:
            prepared = [
                pool.submit(self._try, ports, prepare) for ports, prepare, _ in self._programs()
            ]
            for job in prepared:
                job.result()
        for ports, _, start in self._programs():
            if not self.missing.keys() & set(ports):
                self._try(ports, start)
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._worker.close()
        if self._namespace >= 0:
            os.close(self._namespace)

    def _link(self) -> None:
        """A veth pair: our end in this namespace, the servers' in theirs. It goes with their namespace."""
        [self._namespace] = self._worker.create(1)
        ours, theirs = f"hov{os.getpid()}a", f"hov{os.getpid()}b"
        there = f"/proc/{os.getpid()}/fd/{self._namespace}"
        short_command(
            ["ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", there]
        )
        gateway = self.network.replace(".0/24", ".1/24")
        short_command(["ip", "address", "add", gateway, "dev", ours])
        short_command(["ip", "link", "set", ours, "up"])
        for argv in (
            ["ip", "link", "set", "lo", "up"],
            ["ip", "address", "add", f"{self.address}/24", "dev", theirs],
            ["ip", "link", "set", theirs, "up"],
        ):
            self._worker.command(self._namespace, argv)

    def _try(self, ports: tuple[int, ...], step: Callable[[], None]) -> None:
        try:
            step()
        except (OSError, subprocess.SubprocessError, LabError) as error:
            self.missing.update(dict.fromkeys(ports, f"{type(error).__name__}: {error}"))

    def _programs(self) -> Iterator[tuple[tuple[int, ...], Callable[[], None], Callable[[], None]]]:
        def nothing() -> None: ...

        yield (22, 2222), nothing, self._sshd
        yield (80, 443, 8099, 8499), nothing, self._nginx
        yield (445,), nothing, self._samba
        yield (389, 636), nothing, self._slapd
        yield (3306,), self._mariadb_prepare, self._mariadb
        yield (5432,), self._postgres_prepare, self._postgres
        yield (21,), nothing, self._vsftpd
        yield (25,), self._postfix_prepare, self._postfix
        yield (110, 143, 993, 995), nothing, self._dovecot
        yield (23,), nothing, self._telnet
        yield (5900, 6000), nothing, self._vnc
        yield (3389,), nothing, self._xrdp
        yield (1883,), nothing, self._mosquitto
        yield (631,), nothing, self._cups
        yield (6379,), nothing, self._redis
        yield (11211,), nothing, self._memcached
        yield (88,), self._kdc_prepare, self._kdc
        yield (53,), nothing, self._named
        yield (873,), nothing, self._rsync
        yield (111,), nothing, self._rpcbind

    def _start(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        name = shutil.which(str(command[0]), path=PATH)
        if name is None:
            raise FileNotFoundError(f"{command[0]} is not installed")
        with (self.folder / f"{Path(name).name}.log").open("ab") as log:

            def begin() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    [*SETPRIV, name, *map(str, command[1:])],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **(env or {})},
                    # Postfix ends by ending its process group: it must not be ours.
                    start_new_session=True,
                )

            self._running.append(self._worker.within(self._namespace, begin))

    def _do(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        name = shutil.which(str(command[0]), path=PATH)
        if name is None:
            raise FileNotFoundError(f"{command[0]} is not installed")
        with (self.folder / f"{Path(name).name}.prepare.log").open("ab") as log:
            subprocess.run(
                [name, *map(str, command[1:])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                timeout=120,
                env={**os.environ, **(env or {})},
            )

    def _place(self, name: str, text: str = "", user: str = "") -> Path:
        path = self.folder / name
        if text:
            path.write_text(text, "utf-8")
        else:
            path.mkdir(parents=True, exist_ok=True)
        if user and os.geteuid() == 0:
            shutil.chown(path, user)
        return path

    def _certificate(self) -> None:
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        self._do(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
            *("-subj", "/CN=srv.acme.example", "-keyout", key, "-out", cert),
        )
        key.chmod(0o644)

    def _wait(self) -> None:
        until = time.monotonic() + 30
        waiting = set(self.ports)
        while waiting and time.monotonic() < until:
            for port in list(waiting):
                with contextlib.suppress(OSError):
                    socket.create_connection((self.address, port), 0.2).close()
                    waiting.discard(port)
            time.sleep(0.05)
        with (
            contextlib.suppress(OSError),
            socket.create_connection((self.address, 110), 10) as first,
        ):
            # Dovecot starts its log-in process with the first caller, which takes it seconds.
            first.recv(1)
        self.missing.update(dict.fromkeys(waiting, "did not start"))

    def _sshd(self) -> None:
        for port in (22, 2222):
            folder = self.folder / f"ssh{port}"
            process = self._worker.within(
                self._namespace, partial(sshd.start, folder, self.address, port)
            )
            self._running.append(process)

    def _nginx(self) -> None:
        a, f = self.address, self.folder
        listens = "".join(
            f"server {{ listen {a}:{p}{' ssl' if tls else ''}; root {f}; }}\n"
            for p, tls in ((80, False), (443, True), (8099, False), (8499, True))
        )
        self._place(
            "index.html", "<html><head><title>Acme intranet</title></head><body></body></html>"
        )
        conf = self._place(
            "nginx.conf",
            f"daemon off; pid {f}/nginx.pid; error_log {f}/nginx.error; events {{}}\n"
            f"http {{ access_log off; ssl_certificate {f}/cert.pem; ssl_certificate_key {f}/key.pem;\n"
            f"client_body_temp_path {f}; proxy_temp_path {f}; fastcgi_temp_path {f};\n"
            f"uwsgi_temp_path {f}; scgi_temp_path {f};\n{listens} }}\n",
        )
        self._start("nginx", "-c", conf)

    def _samba(self) -> None:
        dirs = "".join(
            f"{d} directory = {self._place('samba')}\n" for d in ("lock", "state", "cache", "pid")
        )
        conf = self._place(
            "smb.conf",
            f"[global]\nworkgroup = ACME\nnetbios name = FILES\nserver min protocol = NT1\n"
            f"interfaces = {self.address}/8\nbind interfaces only = yes\nsmb ports = 445\n"
            f"private dir = {self._place('samba')}\n{dirs}log file = {self.folder}/samba.log\n"
            "disable spoolss = yes\nload printers = no\nserver string = acme files\n",
        )
        self._start("smbd", "-F", "--no-process-group", "-s", conf)

    def _slapd(self) -> None:
        f = self.folder
        conf = self._place(
            "slapd.conf",
            "include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"pidfile {f}/slapd.pid\nTLSCertificateFile {f}/cert.pem\nTLSCertificateKeyFile {f}/key.pem\n"
            f'database mdb\nsuffix "{BASE}"\ndirectory {self._place("ldap")}\n',
        )
        a = self.address
        urls = f"ldap://{a}:389/ ldaps://{a}:636/"
        self._start("slapd", "-d", "0", "-f", conf, "-h", urls)

    def _mariadb_prepare(self) -> None:
        data = self._place("maria")
        self._do(
            *("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal"),
            *("--skip-test-db", f"--datadir={data}", f"--user={_user()}"),
        )

    def _mariadb(self) -> None:
        f = self.folder
        # Without any account for our address the server would not even greet us.
        init = self._place("maria.sql", "CREATE USER nobody@'%' IDENTIFIED BY 'only-of-this-test';")
        self._start(
            *("mariadbd", "--no-defaults", f"--datadir={f}/maria", f"--user={_user()}"),
            *(f"--bind-address={self.address}", "--port=3306"),
            *(f"--socket={f}/maria.sock", f"--ssl-cert={f}/cert.pem", f"--ssl-key={f}/key.pem"),
            *("--skip-name-resolve", "--innodb-buffer-pool-size=16M"),
            f"--init-file={init}",
        )

    def _postgres_prepare(self) -> None:
        data = self._place("pg", user="postgres")
        self._do(*_as_postgres(), _postgres("initdb"), "-D", data, "-A", "trust", "-N")
        for name in ("cert.pem", "key.pem"):
            shutil.copy(self.folder / name, data / name)
            if os.geteuid() == 0:
                shutil.chown(data / name, "postgres")
            (data / name).chmod(0o600)

    def _postgres(self) -> None:
        data = self.folder / "pg"
        self._start(
            *_as_postgres(),
            *(_postgres("postgres"), "-D", data, "-p", str(5432)),
            *("-h", self.address, "-k", data, "-c", "ssl=on"),
            *("-c", "ssl_cert_file=cert.pem", "-c", "ssl_key_file=key.pem"),
        )

    def _vsftpd(self) -> None:
        f = self.folder
        conf = self._place(
            "vsftpd.conf",
            f"listen=YES\nbackground=NO\nlisten_address={self.address}\nlisten_port=21\n"
            f"anonymous_enable=NO\nlocal_enable=YES\nssl_enable=YES\nrsa_cert_file={f}/cert.pem\n"
            f"rsa_private_key_file={f}/key.pem\nsecure_chroot_dir={self._place('empty')}\n",
        )
        self._start("vsftpd", conf)

    def _postfix_prepare(self) -> None:
        if os.geteuid() != 0:
            raise PermissionError("postfix wants root")
        f = self.folder
        etc = self._place("postfix")
        self._place("postfix.data", user="postfix")
        self._place("postfix.queue/pid")
        for name in ("private", "public", "incoming", "active", "deferred", "defer", "maildrop"):
            self._place(f"postfix.queue/{name}", user="postfix")
        (etc / "main.cf").write_text(
            f"compatibility_level = 3.6\ninet_interfaces = {self.address}\ninet_protocols = ipv4\n"
            f"queue_directory = {f}/postfix.queue\ndata_directory = {f}/postfix.data\n"
            f"myhostname = mail.acme.example\nsmtpd_tls_cert_file = {f}/cert.pem\n"
            f"smtpd_tls_key_file = {f}/key.pem\nsmtpd_tls_security_level = may\n"
            "smtpd_peername_lookup = no\nlocal_recipient_maps =\nmaillog_file = /dev/stdout\nalias_maps =\nalias_database =\n"
        )
        (etc / "master.cf").write_text(
            f"{self.address}:25 inet n - n - - smtpd\n"
            "cleanup unix n - n - 0 cleanup\nrewrite unix - - n - - trivial-rewrite\n"
            "tlsmgr unix - - n 1000? 1 tlsmgr\nanvil unix - - n - 1 anvil\npostlog unix-dgram n - n - 1 postlogd\n"
        )

    def _postfix(self) -> None:
        self._start("/usr/lib/postfix/sbin/master", "-c", self.folder / "postfix", "-d")

    def _dovecot(self) -> None:
        if os.geteuid() != 0:
            raise PermissionError("dovecot wants root")
        f, a = self.folder, self.address
        listeners = "".join(
            f"service {kind}-login {{\n"
            f" inet_listener {kind} {{\n address = {a}\n port = {plain}\n }}\n"
            f" inet_listener {kind}s {{\n address = {a}\n port = {tls}\n ssl = yes\n }}\n}}\n"
            for kind, plain, tls in (("imap", 143, 993), ("pop3", 110, 995))
        )
        conf = self._place(
            "dovecot.conf",
            f"protocols = imap pop3\nbase_dir = {self._place('dovecot')}\nlog_path = {f}/dovecot.err\n"
            f"auth_mechanisms = plain\npassdb {{\n driver = static\n args = nopassword=n\n}}\nuserdb {{\n driver = prefetch\n}}\n"
            f"ssl = yes\nssl_cert = <{f}/cert.pem\nssl_key = <{f}/key.pem\n{listeners}",
        )
        self._start("dovecot", "-F", "-c", conf)

    def _telnet(self) -> None:
        self._start(
            *(sys.executable, "-m", "tests.inetd", self.address, str(23)),
            "/usr/sbin/telnetd",
        )

    def _vnc(self) -> None:
        # The number of the display makes the port of X: 6000.
        self._start(
            *("Xtigervnc", ":0", "-rfbport", "5900", "-SecurityTypes", "None"),
            *("-listen", "tcp", "-nolisten", "unix", "-nolisten", "local", "-ac"),
            *("-geometry", "64x64", "-AlwaysShared"),
        )

    def _xrdp(self) -> None:
        f = self.folder
        ini = self._place(
            "xrdp.ini",
            f"[Globals]\nini_version=1\nfork=false\nport=tcp://{self.address}:3389\n"
            f"security_layer=negotiate\ncertificate={f}/cert.pem\nkey_file={f}/key.pem\n"
            "rsakeys_ini=/etc/xrdp/rsakeys.ini\nssl_protocols=TLSv1.2, TLSv1.3\n"
            f"[Logging]\nLogFile={f}/xrdp.own.log\nLogLevel=INFO\n[Xorg]\nname=Xorg\nlib=libxup.so\n",
        )
        self._start("xrdp", "--nodaemon", "-c", ini)

    def _mosquitto(self) -> None:
        conf = self._place(
            "mosquitto.conf",
            f"listener 1883 {self.address}\nallow_anonymous true\nuser {_user()}\n",
        )
        self._start("mosquitto", "-c", conf)

    def _cups(self) -> None:
        if os.geteuid() != 0:
            raise PermissionError("cupsd wants root")
        f = self.folder
        files = self._place(
            "cups-files.conf",
            f"ServerRoot {self._place('cups')}\nRequestRoot {self._place('cups.spool')}\n"
            f"CacheDir {self._place('cups.cache')}\nStateDir {self._place('cups.state')}\n"
            f"AccessLog {f}/cups.access\nErrorLog {f}/cups.error\nPageLog {f}/cups.page\n"
            f"DocumentRoot /usr/share/cups/doc-root\n",
        )
        conf = self._place(
            "cupsd.conf",
            f"Listen {self.address}:631\nListen 127.0.0.1:631\nBrowsing Off\nWebInterface No\nServerAlias *\n"
            "<Location />\nOrder allow,deny\nAllow all\n</Location>\n",
        )
        self._start("cupsd", "-f", "-c", conf, "-s", files)

    def _redis(self) -> None:
        self._start(
            *("redis-server", "--bind", self.address, "--port", str(6379)),
            *("--save", "", "--protected-mode", "no", "--dir", self.folder),
        )

    def _memcached(self) -> None:
        port = str(11211)
        self._start("memcached", "-l", self.address, "-p", port, "-u", _user(), "-m", "8")

    def _kerberos(self) -> dict[str, str]:
        f = self.folder
        krb = self._place("krb5.conf", f"[libdefaults]\ndefault_realm = {REALM}\n")
        kdc = self._place(
            "kdc.conf",
            f'[kdcdefaults]\nkdc_listen = ""\n kdc_tcp_listen = {self.address}:88\n'
            f"[realms]\n{REALM} = {{\n database_name = {f}/principal\n key_stash_file = {f}/stash\n }}\n",
        )
        return {"KRB5_CONFIG": str(krb), "KRB5_KDC_PROFILE": str(kdc)}

    def _kdc_prepare(self) -> None:
        env = self._kerberos()
        self._do("kdb5_util", "create", "-s", "-r", REALM, "-P", "only-of-this-test", env=env)

    def _kdc(self) -> None:
        self._start("krb5kdc", "-n", "-r", REALM, env=self._kerberos())

    def _named(self) -> None:
        where = self._place("bind")
        conf = self._place(
            "named.conf",
            f'options {{ directory "{where}"; pid-file none; session-keyfile none; recursion no;\n'
            f"listen-on port 53 {{ {self.address}; }}; listen-on-v6 {{ none; }};\n"
            "dnssec-validation no; }; controls { };\n",
        )
        self._start("named", "-f", "-c", conf, "-n", "1")

    def _rsync(self) -> None:
        conf = self._place("rsyncd.conf", "use chroot = no\n[backup]\npath = /nonexistent\n")
        self._start(
            *("rsync", "--daemon", "--no-detach", f"--config={conf}"),
            *(f"--address={self.address}", "--port=873"),
        )

    def _rpcbind(self) -> None:
        self._start("rpcbind", "-f", "-h", self.address)


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _postgres(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def _as_postgres() -> tuple[str, ...]:
    """initdb and postgres refuse to run as root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")
