"""What our account may read of an object, by the object's own security descriptor: so that "no value" is not taken for "none".

A directory leaves out what one may not read, without a word. Access check for read-property: [MS-ADTS] 5.1.3.3.2; property sets and the
attributes they hold: [MS-ADTS] 3.1.1.2.3.3. Pure.
"""

from __future__ import annotations

from collections.abc import Collection

from agent.model.bodies_directory import DIAL_IN, LOGON, MEMBERSHIP, PUBLIC, REST, RESTRICTIONS
from collectors.directory.descriptor import Descriptor

READ_PROPERTY = 0x10
_GENERIC = 0x10000000 | 0x80000000
"""GENERIC_ALL, GENERIC_READ ([MS-DTYP] 2.4.3)."""
SETS = {
    RESTRICTIONS: "4c164200-20c0-11d0-a768-00aa006e0529",
    LOGON: "5f202010-79a5-11d0-9020-00c04fc2d4cf",
    DIAL_IN: "037088f8-0ae1-11d2-b422-00a0c968f939",
    PUBLIC: "e48d0154-bcf8-11d1-8702-00c04fb96050",
    MEMBERSHIP: "bc0ac240-79a9-11d0-9020-00c04fc2d4cf",
    REST: "",
}
"""`REST`: attributes of no set, such as adminCount."""
SELF = "S-1-5-10"
ALWAYS = ("S-1-1-0", "S-1-5-11")
"""Everyone, Authenticated Users."""


def readable(found: Descriptor | None, token: Collection[str], mine: bool = False) -> int:
    """Bits of `agent.model.bodies_directory`; 0 where the descriptor itself is not known. *mine*: the object is our own account."""
    if found is None:
        return 0
    return sum(bit for bit, guid in SETS.items() if _may(found, token, guid, mine))


def _may(found: Descriptor, token: Collection[str], guid: str, mine: bool) -> bool:
    if found.dacl is None:
        return True
    for ace in found.dacl:
        if not ace.here or ace.conditional or not ace.mask & (READ_PROPERTY | _GENERIC):
            continue
        if ace.sid not in token and not (mine and ace.sid == SELF):
            continue
        if ace.what not in (None, guid):
            continue
        if ace.allows:
            return True
        if ace.denies:
            return False
    return False
