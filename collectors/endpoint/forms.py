"""Words that firmware uses, in ours: kind of chassis (SMBIOS, DSP0134, 7.4.1) and dates."""

from __future__ import annotations

import re

_LAPTOP = frozenset({8, 9, 10, 11, 14, 30, 31, 32})
_SERVER = frozenset({17, 23, 25, 28, 29})
_DESKTOP = frozenset({3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36})
_VIRTUAL = re.compile(
    r"(?i)vmware|virtualbox|qemu|kvm|xen|virtual machine|bochs|parallels|openstack|amazon ec2|google compute"
)


def form_of(chassis: str, product: str) -> str:
    """Class of a machine by its chassis number and product text; empty where they do not tell."""
    if _VIRTUAL.search(product):
        return "virtual_machine"
    number = int(chassis) & 0x7F if chassis.strip().isdecimal() else 0
    if number in _LAPTOP:
        return "laptop"
    if number in _SERVER:
        return "server"
    return "workstation" if number in _DESKTOP else ""


def day_of(text: str) -> str:
    """`MM/DD/YYYY` of SMBIOS as `YYYY-MM-DD`; anything else is empty."""
    hit = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
    return f"{hit[3]}-{int(hit[1]):02d}-{int(hit[2]):02d}" if hit else ""
