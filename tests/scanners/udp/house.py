"""A small real network with one house full of real servers, for all tests of the UDP probes: Debian's daemons in a namespace.

technician .1 | .2 every server | .3 nothing listens | .9 `never`, with a responder that answers everybody | one switch
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures.lab.netns import SETPRIV, NamespaceWorker
from tests.real.udp import SIPP

ROOT = Path(__file__).parents[3]
NET = "10.78.0"
HOSTS = (1, 2, 3, 9)
HOUSE, QUIET, NEVER = f"{NET}.2", f"{NET}.3", f"{NET}.9"
COMMANDS = (
    "avahi-daemon",
    "dnsmasq",
    "ip",
    "ipmi_sim",
    "minidlnad",
    "named",
    "nmbd",
    "nsenter",
) + ("ntpd", "setpriv", "sipp", "snmpd", "tcpdump", "unshare", "wsdd")
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")


def mac(octet: int) -> str:
    """A burned-in one: an engine id is made of it."""
    return f"00:11:32:00:78:{octet:02x}"


@dataclass
class House:
    folder: Path
    worker: NamespaceWorker
    namespaces: dict[int, int]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def path(self, octet: int) -> str:
        return f"/proc/{os.getpid()}/fd/{self.namespaces[octet]}"

    def start(self, octet: int, *argv: str, **env: str) -> None:
        """A server that dies with us."""
        name = f"{Path(argv[0]).name}-{len(self.running)}.log"

        def run() -> subprocess.Popen[bytes]:
            with (self.folder / name).open("wb") as log:
                return subprocess.Popen(
                    [*SETPRIV, *argv],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", **env},
                )

        self.running.append(self.worker.within(self.namespaces[octet], run))

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def sub(self, name: str) -> str:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def look(self, *words: str, rights: bool = False) -> dict[str, Any]:
        """Run the probes named by *words* where the technician stands."""
        drop = () if rights else NO_RIGHTS
        done = subprocess.run(
            ["nsenter", f"--net={self.path(1)}", "--", *drop]
            + [sys.executable, "-m", "tests.scanners.udp.child", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @contextmanager
    def capture(self, name: str) -> Generator[Path]:
        """What passes the technician's card meanwhile, as a pcap file."""
        path = self.folder / f"{name}.pcap"
        argv = ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root"]

        def run() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [*SETPRIV, *argv, "-w", str(path)], stderr=subprocess.PIPE, text=True
            )

        process = self.worker.within(self.namespaces[1], run)
        assert process.stderr is not None
        for line in process.stderr:
            if "listening on" in line:
                break
        try:
            yield path
        finally:
            time.sleep(0.2)
            process.terminate()
            process.communicate()

    def close(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.worker.close()
        for namespace in self.namespaces.values():
            with suppress(OSError):
                os.close(namespace)


@contextmanager
def house(folder: Path) -> Generator[House]:
    """The network with all servers started; they need a moment before they answer."""
    worker = NamespaceWorker()
    switch, *others = worker.create(1 + len(HOSTS))
    made = House(folder, worker, {0: switch, **dict(zip(HOSTS, others, strict=True))})
    try:
        _wire(made)
        _serve(made)
        yield made
    finally:
        made.close()


def _wire(h: House) -> None:
    # A bridge keeps LLDP and EAPOL to itself (IEEE 802.1Q, 8.6.3): here it plays the cable to a switch.
    lines = ["link add br0 type bridge mcast_snooping 0 group_fwd_mask 16392", "link set br0 up"]
    for octet in HOSTS:
        there = f"/proc/self/fd/{h.namespaces[octet]}"
        lines.append(
            f"link add p{octet} type veth peer name eth0 address {mac(octet)} netns {there}"
        )
        lines.append(f"link set p{octet} master br0 up")
    fds = tuple(h.namespaces[o] for o in HOSTS)
    h.worker.command(h.namespaces[0], ["ip", "-batch", "-"], "\n".join(lines) + "\n", fds)
    for octet in HOSTS:
        own = ["link set lo up", f"addr add {NET}.{octet}/28 brd + dev eth0", "link set eth0 up"]
        own.append("route add 224.0.0.0/4 dev eth0")
        off = {"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1}
        h.worker.sysctl(h.namespaces[octet], {**off})
        h.worker.command(h.namespaces[octet], ["ip", "-batch", "-"], "\n".join(own) + "\n")


def _serve(h: House) -> None:
    _samba(h)
    _avahi(h)
    _upnp(h)
    _snmp(h)
    _dns(h)
    _time(h)
    _ipmi(h)
    _sip(h)
    h.start(2, "wsdd", "-4", "-i", "eth0", "-n", "PC-WSD", "-w", "LABO")
    _switch(h)
    h.start(9, sys.executable, "-m", "tests.scanners.udp.liar", NEVER, PYTHONPATH=str(ROOT))


def _samba(h: House) -> None:
    dirs = "".join(
        f"{kind} = {h.sub('samba')}\n"
        for kind in ("lock directory", "state directory", "cache directory", "private dir")
        + ("pid directory",)
    )
    config = h.write(
        "smb.conf",
        f"[global]\nnetbios name = SRV-SAMBA\nworkgroup = LABO\ninterfaces = {HOUSE}/28\n"
        f"bind interfaces only = yes\nlog level = 0\nlog file = {h.folder}/samba.log\n"
        f"ncalrpc dir = {h.sub('samba')}\n{dirs}",
    )
    h.start(2, "nmbd", "-F", "--no-process-group", "-s", config)


AVAHI_SERVICE = """<?xml version="1.0"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>{name}</name><service><type>{type}</type><port>{port}</port>{txt}</service></service-group>
"""


def _avahi(h: House) -> None:
    config = h.write(
        "avahi.conf",
        "[server]\nhost-name=imp-test\nuse-ipv6=no\nallow-interfaces=eth0\nenable-dbus=no\n"
        "ratelimit-interval-usec=0\n[publish]\npublish-workstation=yes\npublish-hinfo=no\n[rlimits]\n",
    )
    txt = {
        "ipp": ("Kyocera ECOSYS (été)", "_ipp._tcp", 631)
        + ("ty=Kyocera ECOSYS M3145idn", "usb_MFG=Kyocera", "usb_MDL=ECOSYS M3145idn")
        + ("adminurl=http://imp-test.local./", "password=hunter2canary"),
        "cast": ("Salon", "_googlecast._tcp", 8009, "md=Chromecast Ultra", "fn=Salon"),
    }
    for key, (name, kind, port, *records) in txt.items():
        body = "".join(f"<txt-record>{r}</txt-record>" for r in records)
        text = AVAHI_SERVICE.format(name=name, type=kind, port=port, txt=body)
        h.write(f"avahi/services/{key}.service", text)
    run = h.sub("avahi/run")
    script = (
        f"mount --bind {h.sub('avahi/services')} /etc/avahi/services && mkdir -p /run/avahi-daemon"
        f" && mount --bind {run} /run/avahi-daemon"
        f" && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {config}"
    )
    h.start(2, "unshare", "--mount", "sh", "-c", script)


def _upnp(h: House) -> None:
    config = h.write(
        "minidlna.conf",
        f"port=8200\nnetwork_interface=eth0\nfriendly_name=Mediatheque\nserial=SN-4711-0815\n"
        f"model_name=Windows Media Connect compatible (MiniDLNA)\nmodel_number=1\n"
        f"db_dir={h.sub('dlna')}\nlog_dir={h.sub('dlna')}\nmedia_dir={h.sub('media')}\n"
        "inotify=no\nnotify_interval=900\n",
    )
    h.start(2, "minidlnad", "-S", "-f", config, "-P", str(h.folder / "minidlna.pid"))


def _snmp(h: House) -> None:
    config = h.write(
        "snmpd.conf", f"agentaddress udp:{HOUSE}:161\nengineIDType 3\nengineIDNic eth0\n"
    )
    state = h.sub("snmp")
    h.start(
        2, "snmpd", "-f", "-Lo", "-C", "-c", config, "-p", f"{state}/pid",
        SNMP_PERSISTENT_DIR=state, MIBS="",
    )  # fmt: skip


def _dns(h: House) -> None:
    zone = h.write(
        "reverse.zone",
        "$TTL 3600\n@ IN SOA srv-dc1.labo.example. root.labo.example. 1 2 3 4 5\n"
        "@ IN NS srv-dc1.labo.example.\n2 IN PTR srv-dc1.labo.example.\n",
    )
    config = h.write(
        "named.conf",
        f'options {{ directory "{h.sub("bind")}"; pid-file "{h.folder}/bind/pid"; '
        f'session-keyfile "{h.folder}/bind/key"; listen-on {{ {HOUSE}; }}; listen-on-v6 {{ none; }}; '
        'recursion yes; allow-recursion { any; }; version "BIND-test 9"; hostname "ns-test"; '
        "dnssec-validation no; };\ncontrols { };\n"
        f'zone "0.78.10.in-addr.arpa" {{ type primary; file "{zone}"; }};\n',
    )
    h.start(2, "named", "-f", "-g", "-n", "1", "-c", config)


def _time(h: House) -> None:
    # It must never touch this machine's clock.
    config = h.write("ntp.conf", "disable ntp\ntos orphan 7\ninterface ignore wildcard\n"
                     "interface listen eth0\nrestrict default nomodify noquery\n")  # fmt: skip
    h.start(2, "ntpd", "-n", "-c", config, "-p", str(h.folder / "ntp.pid"))


def _ipmi(h: House) -> None:
    config = h.write(
        "lan.conf",
        'name "bmc"\nset_working_mc 0x20\nstartlan 1\n'
        f"addr {HOUSE} 623\npriv_limit admin\n"
        "allowed_auths_callback none md2 md5 straight\nallowed_auths_user none md2 md5 straight\n"
        "allowed_auths_operator none md2 md5 straight\nallowed_auths_admin none md2 md5 straight\n"
        'guid a123456789abcdefa123456789abcdef\nendlan\nuser 1 true "" "test" user 10 none md2 md5 straight\n'
        'user 2 true "ipmiusr" "test" admin 10 none md2 md5 straight\n',
    )
    emu = h.write(
        "ipmisim.emu",
        "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n",
    )
    h.start(2, "ipmi_sim", "-n", "-c", config, "-f", emu, "-s", h.sub("ipmi"))


def _switch(h: House) -> None:
    """The quiet host announces itself by LLDP, the house by CDP; who may not be asked is a DHCP server nobody knows of."""
    # One that is told to speak CDP leaves LLDP out.
    for octet, how, address in ((3, "", QUIET), (2, "-ccc", HOUSE)):
        run = h.sub(f"lldpd{octet}")
        h.start(
            octet, "unshare", "--mount", "sh", "-c",
            f"mkdir -p /run/lldpd && mount --bind {run} /run/lldpd && lldpd -d {how} -I eth0"
            f" -u {run}/socket -S Commutateur-test -m {address} &"
            f" until lldpcli -u {run}/socket configure lldp tx-interval 1; do sleep 0.2; done; wait",
        )  # fmt: skip
    lease = h.sub("dhcp")
    h.start(
        9, "dnsmasq", "-k", "-C", "/dev/null", "-p", "0", "-i", "eth0", "-u", "root",
        "-F", f"{NET}.10,{NET}.12,255.255.255.240,1h", "-O", f"option:router,{NET}.14",
        "-O", "option:dns-server,10.9.9.9", "-s", "pirate.example", "-l", f"{lease}/leases",
        "-x", f"{lease}/pid",
    )  # fmt: skip
    h.start(3, sys.executable, "-m", "tests.scanners.udp.dhcp_client", PYTHONPATH=str(ROOT))


def _sip(h: House) -> None:
    scenario = h.write("options.xml", SIPP)
    h.start(2, "sipp", "-sf", scenario, "-i", HOUSE, "-p", "5060", "-nostdin", TERM="dumb")


def missing() -> list[str]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [c for c in COMMANDS if shutil.which(c, path=path) is None]
