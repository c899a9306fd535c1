"""Servers that speak UDP: names, time, discovery, management, telephony, a media server, a router's UPnP, a building's controller."""

from __future__ import annotations

import sys

from tests.real.street import Place, Recipe


def nmbd(p: Place) -> None:
    dirs = "".join(
        f"{kind} = {p.place('nmbd')}\n"
        for kind in ("lock directory", "state directory", "cache directory", "private dir")
        + ("pid directory", "ncalrpc dir")
    )
    config = p.place(
        "nmbd.conf",
        f"[global]\nnetbios name = FILES\nworkgroup = ACME\ninterfaces = {p.address}/24\n"
        f"bind interfaces only = yes\nlog file = {p.folder}/nmbd.log\n{dirs}",
    )
    p.start("nmbd", "-F", "--no-process-group", "-s", config)


def avahi(p: Place) -> None:
    config = p.place(
        "avahi.conf",
        "[server]\nhost-name=files\nuse-ipv6=no\nallow-interfaces=eth0\nenable-dbus=no\n"
        "ratelimit-interval-usec=0\n[publish]\npublish-workstation=yes\n[rlimits]\n",
    )
    p.place(
        "services/ipp.service",
        '<?xml version="1.0"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">\n'
        "<service-group><name>Queue</name><service><type>_ipp._tcp</type><port>631</port></service></service-group>\n",
    )
    script = (
        f"mount --bind {p.folder}/services /etc/avahi/services && mkdir -p /run/avahi-daemon"
        f" && mount --bind {p.place('run')} /run/avahi-daemon"
        f" && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {config}"
    )
    p.start("unshare", "--mount", "sh", "-c", script)


def minidlna(p: Place) -> None:
    config = p.place(
        "minidlna.conf",
        "port=8200\nnetwork_interface=eth0\nfriendly_name=Mediatheque\nserial=SN-4711-0815\n"
        f"db_dir={p.place('dlna')}\nlog_dir={p.place('dlna')}\nmedia_dir={p.place('media')}\n"
        "inotify=no\nnotify_interval=900\n",
    )
    p.start("minidlnad", "-S", "-f", config, "-P", p.folder / "minidlna.pid")


def miniupnpd(p: Place) -> None:
    p.command("ip", "link", "add", "wan0", "type", "bridge")
    p.command("ip", "addr", "add", "198.51.100.9/24", "dev", "wan0")
    p.command("ip", "link", "set", "wan0", "up")
    config = p.place(
        "miniupnpd.conf",
        "ext_ifname=wan0\next_ip=1.0.0.1\nlistening_ip=eth0\nhttp_port=5000\nenable_natpmp=no\nenable_upnp=yes\n"
        "uuid=73e42c34-88a5-4d4f-9a30-0123456789ab\nfriendly_name=Box\n"
        f"lease_file={p.folder}/leases\nallow 1024-65535 0.0.0.0/0 1024-65535\n",
    )
    p.start("miniupnpd", "-d", "-f", config, "-P", p.folder / "upnp.pid")


def snmpd(p: Place) -> None:
    config = p.place(
        "snmpd.conf", f"agentaddress udp:{p.address}:161\nengineIDType 3\nengineIDNic eth0\n"
    )
    state = p.place("snmp")
    env = {"SNMP_PERSISTENT_DIR": str(state), "MIBS": ""}
    p.start("snmpd", "-f", "-Lo", "-C", "-c", config, "-p", state / "pid", env=env)


def ntpsec(p: Place) -> None:
    # It must never touch this machine's clock.
    config = p.place(
        "ntp.conf",
        "disable ntp\ntos orphan 7\ninterface ignore wildcard\ninterface listen eth0\n"
        "restrict default nomodify noquery\n",
    )
    p.start("ntpd", "-n", "-c", config, "-p", p.folder / "ntp.pid")


def ipmi(p: Place) -> None:
    auths = "".join(
        f"allowed_auths_{who} none md2 md5 straight\n"
        for who in ("callback", "user", "operator", "admin")
    )
    config = p.place(
        "lan.conf",
        f'name "bmc"\nset_working_mc 0x20\nstartlan 1\naddr {p.address} 623\npriv_limit admin\n{auths}'
        'guid a123456789abcdefa123456789abcdef\nendlan\nuser 1 true "" "test" user 10 none md2 md5 straight\n',
    )
    emulated = p.place(
        "ipmisim.emu",
        "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n",
    )
    p.start("ipmi_sim", "-n", "-c", config, "-f", emulated, "-s", p.place("ipmi"))


SIPP = """<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="options"><recv request="OPTIONS" /><send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Allow: INVITE, ACK, OPTIONS, BYE
User-Agent: Yealink SIP-T42S 66.85.0.5
Content-Length: 0

]]></send></scenario>
"""


def sipp(p: Place) -> None:
    scenario = p.place("options.xml", SIPP)
    words = ("-sf", scenario, "-i", p.address, "-p", "5060", "-nostdin")
    p.start("sipp", *words, env={"TERM": "dumb"})


def wsdd(p: Place) -> None:
    p.start("wsdd", "-4", "-i", "eth0", "-n", "PC-WSD", "-w", "ACME")


def dnsmasq(p: Place) -> None:
    p.start(
        *("dnsmasq", "-k", "-C", "/dev/null", "-i", "eth0", "-z", "-u", "root", "-R", "-h"),
        *("-A", "/box.acme.example/10.213.0.1", "-x", p.folder / "dnsmasq.pid"),
    )


def onvif(p: Place) -> None:
    """No Debian package has one: our own responder (WS-Discovery 1.1, ONVIF Core 7)."""
    p.start(sys.executable, "-m", "tests.real.onvif", p.address)


def bacnet(p: Place) -> None:
    p.start(sys.executable, "-m", "tests.real.bacnet", f"{p.address}/24")


NMBD = Recipe(nmbd, udp=(137,))
MDNS = Recipe(avahi, udp=(5353,))
DLNA = Recipe(minidlna, (8200,), udp=(1900,))
UPNP = Recipe(miniupnpd, (5000,), udp=(1900,))
SNMP = Recipe(snmpd, udp=(161,))
NTP = Recipe(ntpsec, udp=(123,))
IPMI = Recipe(ipmi, udp=(623,))
SIP = Recipe(sipp, udp=(5060,))
WSD = Recipe(wsdd, (5357,), udp=(3702,))
DNSMASQ = Recipe(dnsmasq, (53,), udp=(53,))
ONVIF = Recipe(onvif, udp=(3702,))
BACNET = Recipe(bacnet, udp=(47808,))
