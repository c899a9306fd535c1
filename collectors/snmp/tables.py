"""The tables the collector walks, as data: where they are, what their index says, what their cells are, and how many rows at most.

Objects as the MIBs named in `source` define them. `index` names the sub-identifiers behind the column in order: `name:kind`; a name that
begins with `_` is read over. `rest` stands for all that is left, as a dotted text.

Cells: `text`, `int`, `mac`, `ip`, `hex`, `oid`, `addr` (a length-typed InetAddress, RFC 4001), `date`, `said` (without what looks like a secret), `secret` (never kept, see `cells`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from collectors.snmp.ber import Oid

ROWS_OF_ONE_OBSERVATION = 256
MIB2 = "1.3.6.1.2.1"
ENT = "1.3.6.1.4.1"


@dataclass(frozen=True)
class Table:
    """`columns`: (name, object, kind of cell); `under`: the subtree that must not be empty for the walk to be worth it."""

    name: str
    group: str
    source: str
    under: Oid
    cap: int
    index: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, Oid, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the observation: those of the index first."""
        kept = tuple(n for n, _ in self.index if not n.startswith("_"))
        return (*kept, *(n for n, _, _ in self.columns))


def oid(text: str) -> Oid:
    return tuple(map(int, text.split(".")))


_SPEC = f"""
entity      identity   RFC6933   {MIB2}.47.1.1.1.1      4000 index:int | descr 2 text, inside 4 int, class 5 int, name 7 text, hardware 8 text, firmware 9 text, software 10 text, serial 11 text, maker 12 text, model 13 text
probe_software identity RFC4502  {MIB2}.16.19           1 _i:rest | software 2 text
interfaces  interfaces RFC2863   {MIB2}.2.2.1           5000 index:int | descr 2 text, type 3 int, mac 6 mac, admin 7 int, oper 8 int
names       interfaces RFC2863   {MIB2}.31.1.1.1        5000 index:int | name 1 text, mbps 15 int, alias 18 text
stack       interfaces RFC2863   {MIB2}.31.1.2.1        5000 upper:int lower:int | status 3 int
lag         interfaces IEEE8023-LAG-MIB 1.2.840.10006.300.43.1.2.1.1 2000 index:int | aggregator 13 int
addresses   interfaces RFC1213   {MIB2}.4.20.1          2000 address:ip | interface 2 int, mask 3 ip
addresses6  interfaces RFC4293   {MIB2}.4.34.1          2000 address:inet | interface 3 int
arp         neighbours RFC1213   {MIB2}.4.22.1          10000 interface:int address:ip | mac 2 mac, type 4 int
arp_nd      neighbours RFC4293   {MIB2}.4.35.1          10000 interface:int address:inet | mac 4 mac, type 6 int
routes      routes     RFC1213   {MIB2}.4.21.1          2000 to:ip | interface 2 int, via 7 ip, type 8 int, protocol 9 int, mask 11 ip
cidr_routes routes     RFC2096   {MIB2}.4.24.4.1        2000 to:ip mask:ip _tos:int via:ip | interface 5 int, type 6 int, protocol 7 int
inet_routes routes     RFC4292   {MIB2}.4.24.7.1        2000 to:inet prefix:int _policy:oids via:inet | interface 7 int, type 8 int, protocol 9 int
bridge_ports bridge    RFC4188   {MIB2}.17.1.4.1        2000 port:int | interface 2 int
stp         bridge     RFC4188   {MIB2}.17.2.15.1       2000 port:int | state 3 int, designated_root 6 hex, designated_bridge 8 hex, designated_port 9 hex
stp_self    bridge     RFC4188   {MIB2}.17.2            1 _i:rest | root 5 hex, root_port 7 int
fdb         bridge     RFC4188   {MIB2}.17.4.3.1        20000 mac:mac | port 2 int, status 3 int
vlan_fdb    bridge     RFC4363   {MIB2}.17.7.1.2.2.1    20000 fdb:int mac:mac | port 2 int, status 3 int
vlan_ids    bridge     RFC4363   {MIB2}.17.7.1.4.2.1    4096 _time:int vlan:int | fdb 3 int, egress 4 hex, untagged 5 hex
vlans       bridge     RFC4363   {MIB2}.17.7.1.4.3.1    4096 vlan:int | name 1 text, egress 2 hex, untagged 4 hex
pvid        bridge     RFC4363   {MIB2}.17.7.1.4.5.1    2000 port:int | vlan 1 int
lldp_local  links      IEEE802.1AB 1.0.8802.1.1.2.1.3    1 _i:rest | chassis_kind 1 int, chassis 2 hex, name 3 text, descr 4 text
lldp_ports  links      IEEE802.1AB 1.0.8802.1.1.2.1.3.7.1 2000 port:int | kind 2 int, id 3 hex, descr 4 text
lldp        links      IEEE802.1AB 1.0.8802.1.1.2.1.4.1.1 2000 _time:int port:int entry:int | chassis_kind 4 int, chassis 5 hex, port_kind 6 int, port_id 7 hex, port_descr 8 text, name 9 text, descr 10 text, can 11 hex, does 12 hex
lldp_addresses links   IEEE802.1AB 1.0.8802.1.1.2.1.4.2.1 2000 _time:int port:int entry:int address:inet | interface_kind 3 int, interface 4 int
lldp_med    links      TIA-1057  1.0.8802.1.1.2.1.5.4795.1.3.3.1 2000 _time:int port:int entry:int | hardware 1 text, firmware 2 text, software 3 text, serial 4 text, maker 5 text, model 6 text, asset 7 text
lldp2_ports links      IEEE802.1AB-2009 1.3.111.2.802.1.1.13.1.3.7.1 2000 port:int | kind 2 int, id 3 hex, descr 4 text
lldp2       links      IEEE802.1AB-2009 1.3.111.2.802.1.1.13.1.4.1.1 2000 _time:int port:int _dest:int entry:int | chassis_kind 5 int, chassis 6 hex, port_kind 7 int, port_id 8 hex, port_descr 9 text, name 10 text, descr 11 text, can 12 hex, does 13 hex
cdp         links      CISCO-CDP-MIB {ENT}.9.9.23.1.2.1.1 2000 interface:int entry:int | address_kind 3 int, address 4 hex, version 5 text, device 6 text, port 7 text, platform 8 text, can 9 hex, vlan 11 int
poe         power      RFC3621   {MIB2}.105.1.1.1       2000 group:int port:int | admin 3 int, detection 6 int, class 10 int
printer     printer    RFC3805   {MIB2}.43.5.1.1        8 index:int | name 16 text, serial 17 text
marker      printer    RFC3805   {MIB2}.43.10.2.1       16 device:int marker:int | unit 3 int, count 4 int
supplies    printer    RFC3805   {MIB2}.43.11.1.1       64 device:int supply:int | descr 6 text, unit 7 int, most 8 int, level 9 int
ups         power      RFC1628   {MIB2}.33.1.1          1 _i:rest | maker 1 text, model 2 text, firmware 3 text, agent 4 text, name 5 text, loads 6 text
ups_battery power      RFC1628   {MIB2}.33.1.2          1 _i:rest | status 1 int, on_battery_s 2 int, minutes_left 3 int, charge_percent 4 int
vms         virtual    VMWARE-VMINFO-MIB {ENT}.6876.2.1.1 2000 index:int | name 2 text, guest 4 text, state 6 text, uuid 10 text
devices     host       RFC2790   {MIB2}.25.3.2.1        200 index:int | type 2 oid, descr 3 text
storage     host       RFC2790   {MIB2}.25.2.3.1        200 index:int | type 2 oid, descr 3 text, unit 4 int, size 5 int
software    host       RFC2790   {MIB2}.25.6.3.1        3000 index:int | name 2 text, type 4 int, date 5 date
processes   host       RFC2790   {MIB2}.25.4.2.1        2000 index:int | name 2 text, path 4 text
listeners   host       RFC4022   {MIB2}.6.20.1          1000 address:inet port:int | process 4 int
services    host       LanMgr-Mib-II {ENT}.77.1.2.3.1   1000 _name:text | name 1 text, state 3 int
users       host       LanMgr-Mib-II {ENT}.77.1.2.25.1  2000 _name:text | name 1 text
shares      host       LanMgr-Mib-II {ENT}.77.1.2.27.1  1000 _name:text | name 1 text, path 2 text, comment 3 text
extend      access     NET-SNMP-EXTEND-MIB {ENT}.8072.1.3.2.2.1 200 name:text | command 2 said, kind 6 int, status 21 int
exec        access     UCD-SNMP-MIB {ENT}.2021.8.1      200 index:int | name 2 text, command 3 said
targets     access     RFC3413   1.3.6.1.6.3.12.1.2.1   200 name:rest | domain 2 oid, address 3 hex, tags 6 text, params 7 text
target_params access   RFC3413   1.3.6.1.6.3.12.1.3.1   200 name:rest | processing 2 int, model 3 int, user 4 secret, level 5 int
communities access     RFC3584   1.3.6.1.6.3.18.1.1.1   200 _index:rest | community 2 secret, context 5 text, status 8 int
usm_users   access     RFC3414   1.3.6.1.6.3.15.1.2.2.1 200 engine:text user:text | auth 5 oid, privacy 8 oid, status 13 int
groups      access     RFC3415   1.3.6.1.6.3.16.1.2.1   200 model:int user:secret | group 3 text, status 5 int
views       access     RFC3415   1.3.6.1.6.3.16.1.4.1   200 group:text _prefix:text model:int level:int | read 5 text, write 6 text, notify 7 text
"""
"""One table a line: name, group, source, entry, cap, index | columns."""


@cache
def tables() -> tuple[Table, ...]:
    """In the order in which they are walked."""
    return tuple(_tables())


def _tables() -> Iterator[Table]:
    for line in _SPEC.strip().splitlines():
        head, _, columns = line.partition("|")
        name, group, source, entry, cap, *index = head.split()
        root = oid(entry)
        cells: list[tuple[str, Oid, str]] = []
        for column in columns.split(","):
            what, number, kind = column.split()
            cells.append((what, (*root, int(number)), kind))
        parts = [(p.partition(":")[0], p.partition(":")[2]) for p in index]
        yield Table(name, group, source, root, int(cap), tuple(parts), tuple(cells))
