"""The files of a small Linux server, made in a folder: what its distribution ships, a former provider's agents, canaries beside them."""

from __future__ import annotations

from pathlib import Path

CANARY = "CANARY-7f3a"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJbW1bQ0w1wqvXG8J5Kp3dUj0v9G4Q1y5k3p8m8m8m8m"
FILES: dict[str, str] = {
    "/etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
    "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
    "anne:x:1000:1000:Anne Durand,,,:/home/anne:/bin/bash\n"
    "infonord:x:1001:1001:Support:/home/infonord:/bin/bash\n"
    "broken line\n",
    "/etc/shadow": f"root:*:19000::::::\nanne:$y${CANARY}:19000::::::\ninfonord:$y${CANARY}:1::::::\n",
    "/etc/group": "root:x:0:\nsudo:x:27:anne\ndocker:x:998:infonord\nanne:x:1000:\n",
    "/etc/sudoers": "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n",
    "/etc/sudoers.d/infonord": "infonord ALL=(ALL) NOPASSWD: ALL\n",
    "/home/anne/.ssh/authorized_keys": f"ssh-ed25519 {KEY} anne@pc\n# old\n",
    "/home/infonord/.ssh/authorized_keys": f'command="/x {CANARY}",no-pty ssh-ed25519 {KEY} support@infonord\nnonsense\n',
    "/etc/systemd/system/meshagent.service": "[Unit]\nDescription=x\n[Service]\n"
    f"Environment=TOKEN={CANARY}\nExecStart=/usr/local/mesh_services/meshagent/meshagent --token {CANARY}\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "/etc/systemd/system/backup.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    "/lib/systemd/system/ssh.service": "[Service]\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n",
    "/etc/systemd/system/ssh.service.d/port.conf": "[Service]\nExecStart=\nExecStart=/usr/sbin/sshd -D -p 2222\n",
    "/etc/init.d/oldagent": "#!/bin/sh\n",
    "/usr/local/mesh_services/meshagent/meshagent.msh": "MeshName=Clients\nMeshID=0x43AB\n"
    f"MeshServer=wss://mesh.infonord.example:443/agent.ashx\nServerID=12\nToken={CANARY}\n",
    "/usr/local/mesh_services/meshagent/meshagent": "",
    "/etc/crontab": f"SHELL=/bin/sh\nMAILPWD={CANARY}\n17 * * * * root run-parts /etc/cron.hourly\n",
    "/etc/cron.d/reinstall": f"@reboot root /opt/x/install.sh --key={CANARY}\n*/5 * * * *\troot\t/opt/x/watch.sh\n",
    "/etc/cron.daily/logrotate": "",
    "/var/spool/cron/crontabs/anne": "0 3 * * 1-5 /home/anne/save.sh\n",
    "/var/spool/cron/atjobs/a0001": f"#!/bin/sh\nTOKEN={CANARY}; export TOKEN\ncd /x || {{\n\t exit 1\n}}\n/opt/at/run.sh\n",
    "/etc/rc.local": "#!/bin/sh\n/opt/old/start.sh\n",
    "/etc/xdg/autostart/rustdesk.desktop": "[Desktop Entry]\nExec=rustdesk --tray\n",
    "/home/anne/.config/rustdesk/RustDesk2.toml": "[options]\ncustom-rendezvous-server = 'rd.infonord.example'\n"
    f"key = '{CANARY}'\npermanent-password = '{CANARY}'\n",
    "/home/anne/Downloads/anydesk": "",
    "/home/anne/Downloads/holiday.jpg": "",
    "/home/anne/.config/google-chrome/Default/Extensions/inomeogfingihgjfjlpeplalcfajhgai/2.1/manifest.json": "{}",
    "/home/anne/.config/google-chrome/Default/Extensions/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1/manifest.json": "{}",
    "/var/lib/dpkg/status": "Package: openssh-server\nStatus: install ok installed\nVersion: 1:9.2p1-2\n"
    "Maintainer: Debian OpenSSH <x@y>\nDescription: secure shell\n more\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
    "/etc/samba/smb.conf": "[global]\nworkgroup = X\n[data]\npath = /srv/data\ncomment = All\n",
    "/etc/cups/printers.conf": f"<DefaultPrinter hp>\nMakeModel HP LaserJet\nDeviceURI ipp://u:{CANARY}@printer.example/ipp\n</Printer>\n",
    "/etc/ssh/ssh_host_ed25519_key.pub": f"ssh-ed25519 {KEY} root@srv\n",
    "/etc/ssh/ssh_host_ed25519_key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n",
    "/proc/net/tcp": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1\n"
    "   1: 0100A8C0:C350 08080808:01BB 01 00000000:00000000 00:00000000 00000000     0        0 4243 1\n"
    "   2: 0100A8C0:C351 0200A8C0:01BD 01 00000000:00000000 00:00000000 00000000     0        0 4244 1\n"
    "   3: garbage\n",
    "/proc/812/comm": "meshagent\n",
    "/proc/812/status": "Name:\tmeshagent\nUid:\t0\t0\t0\t0\n",
    "/proc/812/cmdline": f"/usr/local/mesh_services/meshagent/meshagent\0--token\0{CANARY}\0",
    "/proc/meminfo": "MemTotal:       16307088 kB\n",
    "/proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) E-2234\nprocessor\t: 1\n",
    "/proc/self/mounts": "proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\nnas:/x /mnt nfs rw 0 0\n",
    "/sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
    "/sys/class/dmi/id/product_name": "PowerEdge T340\n",
    "/sys/class/dmi/id/product_serial": "7XK0001\n",
    "/sys/class/dmi/id/product_uuid": "4c4c4544-0058-4b10-8035-b4c04f303031\n",
    "/sys/class/dmi/id/chassis_type": "17\n",
    "/sys/class/dmi/id/bios_date": "03/09/2023\n",
    "/sys/class/net/eno1/address": "d4:be:d9:00:00:01\n",
    "/sys/class/net/docker0/address": "02:42:00:00:00:01\n",
}


def make(root: Path) -> Path:
    for name, text in FILES.items():
        file = root / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "meshagent.service").symlink_to("../meshagent.service")
    (root / "etc/systemd/system/masked.service").symlink_to("/dev/null")
    (root / "etc/systemd/system/alias.service").symlink_to("/lib/systemd/system/gone.service")
    (root / "sys/fs/cgroup/system.slice/meshagent.service").mkdir(parents=True)
    (root / "proc/812/exe").symlink_to("/usr/local/mesh_services/meshagent/meshagent")
    (root / "proc/812/fd").mkdir()
    (root / "proc/812/fd/3").symlink_to("socket:[4242]")
    (root / "proc/812/fd/4").symlink_to("socket:[4243]")
    bus = root / "sys/class/net/eno1/device"
    bus.mkdir(parents=True)
    (bus / "subsystem").symlink_to("../../../../bus/pci")
    return root
