"""Samba's own readers and packers as oracles: run by the system's Python with Debian's python3-samba, a JSON line in, one out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

samba = pytest.mark.skipif(
    not Path("/usr/lib/python3/dist-packages/samba").is_dir(),
    reason="needs the Debian package python3-samba",
)
DESCRIPTORS = """
import json
import sys

from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

DOMAIN = security.dom_sid("S-1-5-21-1004336348-1177238915-682003330")


def entry(ace):
    what = heirs = None
    if ace.type in (5, 6, 7, 8, 11, 12, 15, 16):
        flags = ace.object.flags
        what = str(ace.object.type) if flags & 1 else None
        heirs = str(ace.object.inherited_type) if flags & 2 else None
    return [ace.type, ace.flags, ace.access_mask & 0xFFFFFFFF, str(ace.trustee), what, heirs]


def told(sd):
    return {
        "owner": str(sd.owner_sid) if sd.owner_sid is not None else None,
        "group": str(sd.group_sid) if sd.group_sid is not None else None,
        "dacl": None if sd.dacl is None else [entry(a) for a in sd.dacl.aces],
        "control": sd.type,
    }


for line in sys.stdin:
    asked = json.loads(line)
    try:
        if "sddl" in asked:
            data = ndr_pack(security.descriptor.from_sddl(asked["sddl"], DOMAIN))
        else:
            data = bytes.fromhex(asked["hex"])
        print(
            json.dumps({"hex": data.hex(), **told(ndr_unpack(security.descriptor, data))}),
            flush=True,
        )
    except (RuntimeError, ValueError, TypeError, IndexError, MemoryError) as error:
        print(json.dumps({"error": type(error).__name__}), flush=True)
"""
DNS_RECORDS = """
import json
import sys

from samba.dcerpc import dnsp
from samba.ndr import ndr_pack


def record(asked):
    kind, data = asked["type"], asked["data"]
    out = dnsp.DnssrvRpcRecord()
    out.wType, out.rank, out.dwSerial, out.dwTtlSeconds = kind, 0xF0, 7, 900
    out.dwTimeStamp = asked.get("at", 0)
    if kind == dnsp.DNS_TYPE_MX:
        mx = dnsp.mx()
        mx.wPriority, mx.nameTarget = data
        out.data = mx
    elif kind == dnsp.DNS_TYPE_SRV:
        srv = dnsp.srv()
        srv.wPriority, srv.wWeight, srv.wPort, srv.nameTarget = data
        out.data = srv
    elif kind == dnsp.DNS_TYPE_SOA:
        soa = dnsp.soa()
        soa.mname, soa.rname, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum = data
        out.data = soa
    elif kind == dnsp.DNS_TYPE_TXT:
        texts = dnsp.string_list()
        texts.count, texts.str = len(data), data
        out.data = texts
    else:
        out.data = data
    return ndr_pack(out)


for line in sys.stdin:
    print(record(json.loads(line)).hex(), flush=True)
"""


def begin(program: str) -> subprocess.Popen[bytes]:
    """*program* with pipes at both ends."""
    return subprocess.Popen(
        ["/usr/bin/python3", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
