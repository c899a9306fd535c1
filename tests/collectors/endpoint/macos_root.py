"""The files of a small Mac, made in a folder, and what its programs print: a former provider's agents, canaries beside them."""

from __future__ import annotations

import plistlib
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.collectors.endpoint.linux_root import CANARY, KEY

NODE = "/var/db/dslocal/nodes/Default"
ANNE, SUPPORT, STAFF = "6A0B-ANNE", "6A0B-SUPPORT", "ABCD-STAFF"
HASH = CANARY.encode()
EXTENSION = "inomeogfingihgjfjlpeplalcfajhgai"

PLISTS: dict[str, Any] = {
    "/Library/LaunchDaemons/com.ninjarmm.agent.plist": {
        "Label": "com.ninjarmm.agent",
        "ProgramArguments": [
            "/Applications/NinjaRMMAgent/programfiles/ninjarmm-macagent",
            "--token",
            CANARY,
        ],
        "EnvironmentVariables": {"TOKEN": CANARY},
        "RunAtLoad": True,
    },
    "/Library/LaunchDaemons/com.infonord.blank.plist": {
        "Label": "com.infonord.blank",
        "Program": "/Library/Application Support/InfoNord/agent",
        "ProgramArguments": ["agent", f"-p{CANARY}"],
        "UserName": "support",
    },
    "/Library/LaunchDaemons/com.infonord.off.plist": {
        "Label": "com.infonord.off",
        "ProgramArguments": ["/bin/sh", "-c", f"/opt/x/again.sh --key={CANARY}"],
        "Disabled": False,
    },
    "/Library/LaunchDaemons/com.infonord.on.plist": {
        "Label": "com.infonord.on",
        "Program": "/opt/x/on",
        "Disabled": True,
    },
    "/Library/LaunchDaemons/typed.plist": {"Label": 7.5, "ProgramArguments": {"a": CANARY}},
    "/System/Library/LaunchDaemons/com.apple.cfprefsd.xpc.daemon.plist": {
        "Label": "com.apple.cfprefsd.xpc.daemon",
        "ProgramArguments": ["/usr/sbin/cfprefsd", "daemon"],
    },
    "/Library/LaunchAgents/com.teamviewer.teamviewer.plist": {
        "Label": "com.teamviewer.teamviewer",
        "ProgramArguments": ["/Applications/TeamViewer.app/Contents/MacOS/TeamViewer"],
    },
    "/Users/anne/Library/LaunchAgents/com.user.watch.plist": {
        "Label": "com.user.watch",
        "ProgramArguments": ["/Users/anne/bin/watch.sh"],
    },
    "/var/db/com.apple.xpc.launchd/disabled.plist": {
        "com.infonord.off": True,
        "com.infonord.on": False,
        "com.odd": "yes",
    },
    "/var/db/com.apple.xpc.launchd/disabled.501.plist": {"com.user.watch": True},
    "/var/db/receipts/com.ninjarmm.agent.plist": {
        "PackageIdentifier": "com.ninjarmm.agent",
        "PackageVersion": "5.3.1",
        "InstallDate": datetime(2024, 5, 1),
    },
    "/Applications/TeamViewer.app/Contents/Info.plist": {
        "CFBundleName": "TeamViewer",
        "CFBundleShortVersionString": "15.50.5",
    },
    "/Applications/Vendor/Inner.app/Contents/Info.plist": {"CFBundleVersion": 12},
    "/Users/anne/Applications/Portable.app/Contents/Info.plist": {"CFBundleName": "AnyDesk"},
    "/Library/Preferences/com.apple.loginwindow.plist": {
        "LoginHook": f"/Library/hook.sh --password {CANARY}",
        "autoLoginUser": CANARY,
    },
    "/Users/anne/Library/Preferences/com.apple.loginwindow.plist": {
        "AutoLaunchedApplicationDictionary": [{"Path": "/Applications/Any Desk.app", "Hide": 0}]
    },
    f"{NODE}/users/root.plist": {
        **{"name": ["root"], "uid": ["0"], "gid": ["0"], "home": ["/var/root"]},
        **{"shell": ["/bin/sh"], "passwd": ["*"], "realname": ["System Administrator"]},
    },
    f"{NODE}/users/daemon.plist": {
        **{"name": ["daemon"], "uid": ["1"], "gid": ["1"], "home": ["/var/root"]},
        **{"shell": ["/usr/bin/false"], "passwd": ["*"]},
    },
    f"{NODE}/users/anne.plist": {
        **{"name": ["anne", "com.apple.idms.appleid.prd.000"], "uid": ["501"], "gid": ["20"]},
        **{"home": ["/Users/anne"], "shell": ["/bin/zsh"], "realname": ["Anne Durand"]},
        **{"authentication_authority": [";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2>"]},
        **{"generateduid": [ANNE], "ShadowHashData": [HASH], "hint": [CANARY]},
        **{"accountPolicyData": [HASH], "HeimdalSRPKey": [HASH], "KerberosKeys": [HASH]},
    },
    f"{NODE}/users/support.plist": {
        **{"name": ["support"], "uid": ["502"], "gid": ["20"], "home": ["/Users/support"]},
        **{"shell": ["/bin/zsh"], "generateduid": [SUPPORT], "comment": ["InfoNord"]},
        **{"authentication_authority": [";DisabledUser;;ShadowHash;"], "passwd": "********"},
    },
    f"{NODE}/users/helper.plist": {"name": "helper", "uid": 503, "gid": 20, "shell": "/bin/sh"},
    f"{NODE}/users/guest.plist": {
        **{"name": ["guest"], "uid": ["504"], "gid": ["20"], "shell": ["/bin/zsh"]},
        **{"authentication_authority": [";Kerberosv5;;guest@LKDC"]},
    },
    f"{NODE}/users/nobody.plist": {"uid": ["x"]},
    f"{NODE}/groups/admin.plist": {
        **{"name": ["admin"], "gid": ["80"], "users": ["root"], "groupmembers": [ANNE]},
        **{"nestedgroups": [STAFF, "DIRECTORY-GROUP"]},
    },
    f"{NODE}/groups/helpers.plist": {
        **{"name": ["helpers"], "gid": ["600"], "generateduid": [STAFF], "users": ["helper"]},
    },
    f"{NODE}/groups/com.apple.access_ssh.plist": {
        "name": ["com.apple.access_ssh"],
        "gid": ["399"],
        "users": ["support"],
    },
    f"{NODE}/sharepoints/Data.plist": {
        **{"name": ["Data"], "directory_path": ["/Users/Shared/Data"], "smb_name": ["Data$"]},
        **{"smb_shared": ["1"], "afp_shared": ["0"]},
    },
    "/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist": {
        "CFBundleShortVersionString": "5271"
    },
    "/Library/Receipts/InstallHistory.plist": [
        {"date": datetime(2024, 5, 2), "displayName": "XProtectPlistConfigData"},
        {"date": datetime(2025, 1, 9), "displayName": "XProtectPayloads"},
        {"date": datetime(2025, 6, 1), "displayName": "Numbers"},
        {"date": "never", "displayName": "XProtectPlistConfigData"},
        "odd",
    ],
    "/Library/Preferences/com.apple.TimeMachine.plist": {
        "AutoBackup": True,
        "Destinations": [
            {
                "NetworkURL": f"smb://u:{CANARY}@nas.example/tm",
                "SnapshotDates": [datetime(2026, 10, 1), datetime(2026, 10, 2), "x"],
            }
        ],
    },
    "/Library/Preferences/SystemConfiguration/preferences.plist": {
        "System": {"Network": {"HostNames": {"LocalHostName": "Mac-Anne"}}},
        "Sets": {"AirPort": {"SSID": "HomeOf" + CANARY}},
    },
    "/System/Library/CoreServices/SystemVersion.plist": {
        "ProductName": "macOS",
        "ProductVersion": "14.7.1",
        "ProductBuildVersion": "23H222",
    },
    "/etc/emond.d/rules/evil.plist": [
        {
            "name": "watch",
            "actions": [
                {"type": "Log", "message": CANARY},
                {"type": "RunCommand", "command": "/opt/x/again.sh", "arguments": [CANARY]},
            ],
        }
    ],
}
FILES: dict[str, str] = {
    "/Library/LaunchDaemons/broken.plist": "<plist><dict><key>",
    "/usr/lib/cron/tabs/support": f"TOKEN={CANARY}\n*/5 * * * * /opt/x/watch.sh -p{CANARY}\n",
    "/usr/lib/cron/jobs/a0001": f"#!/bin/sh\nTOKEN={CANARY}; export TOKEN\ncd /x || {{\n\t exit 1\n}}\n/opt/at/run.sh\n",
    "/usr/lib/cron/jobs/.SEQ": "1",
    "/etc/crontab": "17 * * * * root /opt/x/hourly.sh\n",
    "/etc/periodic/daily/999.infonord": "",
    "/etc/sudoers": "root ALL=(ALL) ALL\n%admin ALL=(ALL) ALL\n",
    "/etc/sudoers.d/infonord": "support ALL=(ALL) NOPASSWD: ALL\n",
    "/etc/ssh/ssh_host_ed25519_key.pub": f"ssh-ed25519 {KEY} root@mac\n",
    "/etc/ssh/ssh_host_ed25519_key": CANARY,
    "/etc/cups/printers.conf": f"<Printer hp>\nDeviceURI ipp://u:{CANARY}@printer.example/ipp\n</Printer>\n",
    "/etc/exports": "/Users/Shared/Nfs -network 192.0.2.0\n",
    "/var/root/.ssh/authorized_keys": f"ssh-ed25519 {KEY} root@infonord\n",
    "/Users/anne/.ssh/authorized_keys": f'command="/x {CANARY}" ssh-ed25519 {KEY} anne@pc\n',
    "/Users/anne/Downloads/holiday.jpg": "",
    "/Users/anne/Documents/private.txt": CANARY,
    "/Users/support/Downloads/anydesk": "",
    f"/Users/anne/Library/Application Support/Google/Chrome/Default/Extensions/{EXTENSION}/2.1/m.json": "{}",
    "/Users/anne/Library/Preferences/com.carriez.RustDesk/RustDesk2.toml": "[options]\n"
    f"custom-rendezvous-server = 'rd.infonord.example'\nkey = '{CANARY}'\n",
    "/Library/Application Support/CentraStage/x": "",
    "/opt/homebrew/Cellar/wget/1.21.4/x": "",
    "/opt/homebrew/Caskroom/anydesk/8.0/x": "",
    "/var/db/com.apple.backgroundtaskmanagement/BackgroundItems-v8.btm": CANARY,
    "/Applications/Own Agent/My Agent": "",
}
MOUNT = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
/dev/disk5s2 on /Volumes/Old Backup (apfs, local, nodev, nosuid, journaled, noowners)
//anne@nas/home on /Volumes/home (smbfs, nodev, nosuid, mounted by anne)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
"""
IFCONFIG = """lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\toptions=6460<TSO4,TSO6,CHANNEL_IO,PARTIAL_CSUM,ZEROINVERT_CSUM>
\tether a4:83:e7:00:00:01
\tinet6 fe80::1c3a:1%en0 prefixlen 64 secured scopeid 0xb
\tinet 192.168.7.31 netmask 0xffffff00 broadcast 192.168.7.255
\tinet6 2001:db8::31 prefixlen 64 autoconf secured
\tstatus: active
en2: flags=8963<UP,BROADCAST,SMART,RUNNING,PROMISC,SIMPLEX,MULTICAST> mtu 1500
\tether 36:aa:bb:cc:dd:00
en7: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 00:e0:4c:00:00:07
\tinet 192.168.7.32 netmask 0xffffff00 broadcast 192.168.7.255
en8: flags=8863<UP> mtu 1500
\tether 00:e0:4c:00:00:08
utun3: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1380
\tinet 100.64.0.7 --> 100.64.0.7 netmask 0xffffffff
bridge0: flags=8863<UP> mtu 1500
\tether 36:aa:bb:cc:dd:00
"""
PORTS = """
Hardware Port: Wi-Fi
Device: en0
Ethernet Address: a4:83:e7:00:00:01

Hardware Port: USB 10/100/1000 LAN
Device: en7
Ethernet Address: 00:e0:4c:00:00:07

Hardware Port: Thunderbolt 1
Device: en2
Ethernet Address: 36:aa:bb:cc:dd:00

VLAN Configurations
===================
"""
HARDWARE = f"""{{ "SPHardwareDataType" : [ {{ "_name" : "hardware_overview", "activation_lock_status" : "{CANARY}",
 "boot_rom_version" : "10151.61.4", "chip_type" : "Apple M2", "machine_model" : "Mac14,7", "machine_name" : "MacBook Pro",
 "number_processors" : "proc 8:4:4", "physical_memory" : "16 GB", "platform_UUID" : "D26E7BC6-0000-51C2-87C5-0B902782B60D",
 "provisioning_UDID" : "{CANARY}", "serial_number" : "C02XK0001" }} ] }}"""
LSOF = """p101
cninjarmm-macagent
f5
tIPv4
PTCP
n192.168.7.31:50001->8.8.8.8:443
TST=ESTABLISHED
f6
tIPv4
PTCP
n192.168.7.31:50002->192.168.7.9:445
TST=ESTABLISHED
f7
tIPv6
PTCP
n*:5938
TST=LISTEN
f8
tIPv4
PUDP
n*:*
p102
cMy\\x20Agent
f4
tIPv4
PTCP
n127.0.0.1:7070
TST=LISTEN
f9
tIPv4
PUDP
n*:5353
p999
cGone\\x20Agent
f4
tIPv4
PTCP
n127.0.0.1:7071
TST=LISTEN
"""
NAMES = "    1 launchd\n  101 ninjarmm-macage\n  102 My Agent\n  103 perl\n  104 zsh\nnonsense\n"
USERS = (
    "    1 root             /sbin/launchd\n"
    "  101 root             /Applications/NinjaRMMAgent/programfiles/ninjarmm-macagent\n"
    "  102 support          /Applications/Own Agent/My Agent\n"
    f"  103 anne             /opt/x/agent --token {CANARY} /y/perl\n"
    "  104 anne             -zsh\n"
)
COMMANDS = (
    "    1 /sbin/launchd\n"
    f"  101 /Applications/NinjaRMMAgent/programfiles/ninjarmm-macagent --token {CANARY}\n"
    f"  102 /Applications/Own Agent/My Agent --quiet {CANARY}\n"
    f"  103 /opt/x/agent --token {CANARY} /y/perl\n"
    "  104 -zsh\n"
)
SAID: dict[tuple[str, ...], str] = {
    ("ps", "-axww", "-o", "pid=,ucomm="): NAMES,
    ("ps", "-axww", "-o", "pid=,user=,comm="): USERS,
    ("ps", "-axww", "-o", "pid=,args="): COMMANDS,
    ("lsof", "-nP", "+c0", "-i", "-FpcftPnT"): LSOF,
    (
        "launchctl",
        "list",
    ): "PID\tStatus\tLabel\n101\t0\tcom.ninjarmm.agent\n-\t78\tcom.infonord.off\n",
    ("mount",): MOUNT,
    ("fdesetup", "status"): "FileVault is On.\n",
    ("diskutil", "info", "-plist", "/"): plistlib.dumps(
        {"MediaName": "APPLE SSD AP0512Z", "SMARTStatus": "Verified", "FileVault": False}
    ).decode(),
    ("diskutil", "info", "-plist", "/Volumes/Old Backup"): plistlib.dumps(
        {"MediaName": "USB", "SMARTStatus": "Not Supported", "FileVault": False}
    ).decode(),
    ("system_profiler", "-json", "SPHardwareDataType"): HARDWARE,
    ("networksetup", "-listallhardwareports"): PORTS,
    ("ifconfig", "-a"): IFCONFIG,
    ("dsconfigad", "-show"): "Active Directory Domain          = durand.example\n",
    (
        "/usr/libexec/ApplicationFirewall/socketfilterfw",
        "--getglobalstate",
    ): "Firewall is enabled. (State = 1)\n",
}


def make(root: Path) -> Path:
    for name, value in PLISTS.items():
        form = plistlib.FMT_BINARY if len(name) % 2 else plistlib.FMT_XML
        _write(root, name, plistlib.dumps(value, fmt=form))
    for name, text in FILES.items():
        _write(root, name, text.encode())
    (root / "Volumes/Old Backup").mkdir(parents=True)
    return root


def _write(root: Path, name: str, data: bytes) -> None:
    file = root / name.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
