"""From a session to tables: every search of `collectors.directory.tables`, in pages, as rows that are emitted as they are complete.

A table that could not be read to its end says so (`end`); one that is not there (noSuchObject) is empty. Rows of a group's members come
in ranges ([MS-ADTS] 3.1.1.3.1.3.3). DNs are turned into SIDs where the object has one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

from agent.model.bodies_directory import Cell, DirectoryTable
from collectors.directory.cells import security_id, text
from collectors.directory.client import Ldap, LdapError
from collectors.directory.descriptor import Once
from collectors.directory.dns_record import BadRecord, dns_record
from collectors.directory.entries import Entry
from collectors.directory.messages import present
from collectors.directory.readable import ALWAYS, readable
from collectors.directory.sid import rid
from collectors.directory.tables import DIRECTORY, ZONE_RECORDS, Asked

CONFIDENTIAL = "confidential: shown to administrators only"
CHUNK = 500
"""Rows an observation."""
NO_SUCH_OBJECT, UNKNOWN_ATTRIBUTE = 32, 16
DESCRIPTOR = "nTSecurityDescriptor"
_MOST_RANGES = 10_000
MEMBER = "member"
"""Active Directory answers it with a range of its own choice, where there are many; Samba with all."""
_KEYED = ("users", "computers", "groups", "foreign")
Rows = list[tuple[Cell, ...]]


@dataclass(frozen=True)
class Root:
    """The root DSE, as the bound user sees it. `dns`: naming contexts of zones."""

    domain: str
    base: str
    configuration: str
    schema: str
    host: str
    dns: tuple[str, ...]
    token: frozenset[str]
    me: str

    @property
    def administrator(self) -> bool:
        """By the groups of our own token: Administrators, Domain Admins, Enterprise Admins."""
        return any(s == "S-1-5-32-544" or rid(s) in (512, 519) for s in self.token)


async def root(ldap: Ldap) -> Root:
    """Raises `LdapError`, `OSError`."""
    names = (
        *("defaultNamingContext", "configurationNamingContext", "schemaNamingContext"),
        *("namingContexts", "dnsHostName", "tokenGroups"),
    )
    found: Entry | None = None
    async for entry in ldap.search("", 0, present("objectClass"), names, paged=False):
        found = entry
    if found is None:
        raise LdapError(None, "the controller shows no root DSE")
    held = {k.lower(): v for k, v in found.attributes.items()}

    def one(name: str) -> str:
        return str(text(held.get(name.lower(), [b""])[0]))

    base = one("defaultNamingContext")
    token = [str(s) for v in held.get("tokengroups", []) if (s := security_id(v))]
    contexts = [str(text(v)) for v in held.get("namingcontexts", [])]
    return Root(
        domain_of(base),
        base,
        one("configurationNamingContext"),
        one("schemaNamingContext"),
        one("dnsHostName"),
        tuple(c for c in contexts if "dnszones," in c.lower()),
        frozenset((*token, *ALWAYS)),
        token[0] if token else "",
    )


def domain_of(base: str) -> str:
    """`DC=labo,DC=local` -> `labo.local`."""
    parts = [p.strip() for p in base.split(",")]
    return ".".join(p[3:] for p in parts if p.upper().startswith("DC=")).lower()


@dataclass
class Collector:
    """One domain; `tables()` yields what there is to emit, in a fixed order."""

    ldap: Ldap
    root: Root
    once: Once = field(default_factory=Once)
    _sids: dict[str, str] = field(default_factory=dict[str, str])
    _members: list[tuple[str, list[bytes]]] = field(default_factory=list[tuple[str, list[bytes]]])
    _descriptors: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _several: dict[str, Rows] = field(default_factory=lambda: defaultdict(list))
    _ends: dict[str, str] = field(default_factory=dict[str, str])
    lost: str = ""
    """Why nothing more could be asked; empty: all was."""

    async def tables(self) -> AsyncIterator[DirectoryTable]:
        for asked in DIRECTORY:
            rows: Rows = []
            end = await self._gather(asked, rows)
            columns = (*_key(asked), *(c.name for c in asked.columns if c.name != "sid"))
            columns += ("sd", "readable") if asked.descriptors else ()
            for table in self._parts(asked.table, columns, rows, end):
                yield table
            for child in asked.several:
                if end:
                    self._ends.setdefault(child.table, end)
        for name in sorted({c.table for a in DIRECTORY for c in a.several}):
            rows = self._several.pop(name, [])
            for table in self._parts(name, ("key", "value"), rows, self._ends.get(name, "")):
                yield table
        for table in self._memberships():
            yield table
        async for table in self._records():
            yield table
        for table in self._rights():
            yield table

    async def _gather(self, asked: Asked, rows: Rows) -> str:
        """Why it ended early; empty: it is whole."""
        if self.lost:
            return self.lost
        if asked.confidential and not self.root.administrator:
            return CONFIDENTIAL
        attributes = [c.attribute for c in asked.columns] + [s.attribute for s in asked.several]
        attributes += [DESCRIPTOR] if asked.descriptors else []
        attributes += ["objectSid"] if asked.table in _KEYED else []
        attributes += [MEMBER] if asked.table == "groups" else []
        try:
            for base in self._bases(asked):
                found = self.ldap.search(
                    base, asked.scope, asked.query, attributes, descriptors=asked.descriptors
                )
                try:
                    async for entry in found:
                        rows.append(await self._row(asked, entry))
                except LdapError as error:
                    if error.code != NO_SUCH_OBJECT:
                        raise
        except LdapError as error:
            if error.code is None:
                self.lost = error.words
            return str(error)
        except (OSError, TimeoutError) as error:
            self.lost = f"the connection was lost ({type(error).__name__})"
            return self.lost
        if asked.table == "groups":
            return await self._ranges()
        return ""

    def _bases(self, asked: Asked) -> tuple[str, ...]:
        if asked.where == "dns":
            return self.root.dns
        contexts = {
            "domain": self.root.base,
            "configuration": self.root.configuration,
            "schema": self.root.schema,
        }
        base = contexts[asked.where]
        return (f"{asked.under},{base}" if asked.under else base,)

    async def _row(self, asked: Asked, entry: Entry) -> tuple[Cell, ...]:
        held = {k.lower(): v for k, v in entry.attributes.items()}
        dn = str(text(entry.dn))
        known = security_id(held["objectsid"][0]) if "objectsid" in held else None
        key = known or dn
        if known:
            self._sids[_same(entry.dn)] = str(known)
        for child in asked.several:
            for value in held.get(child.attribute.lower(), ()):
                self._several[child.table].append((key, child.read(value)))
        if asked.table == "groups":
            self._member_values(str(key), dn, entry.attributes)
        cells: list[Cell] = [key, dn] if asked.table in _KEYED else [dn]
        if asked.table not in _KEYED and any(c.name == "sid" for c in asked.columns):
            cells.append(known)
        for column in asked.columns:
            if column.name != "sid":
                values = held.get(column.attribute.lower())
                # The most derived class stands last ([MS-ADTS] 3.1.1.2.4.3); other attributes here have one value.
                cells.append(column.read(values[-1]) if values else None)
        if asked.descriptors:
            cells += self._described(held.get(DESCRIPTOR.lower()), str(key))
        return tuple(cells)

    def _described(self, values: list[bytes] | None, key: str) -> list[Cell]:
        if not values:
            return [None, 0]
        mark = hashlib.sha256(values[0]).hexdigest()[:16]
        self._descriptors.setdefault(mark, values[0])
        bits = readable(self.once.of(values[0]), self.root.token, key == self.root.me)
        return [mark, bits]

    def _member_values(self, key: str, dn: str, attributes: Mapping[str, list[bytes]]) -> None:
        for name, values in attributes.items():
            plain, _, option = name.lower().partition(";")
            if plain == "member":
                self._members.append((key, list(values)))
                if option.startswith("range=") and not option.endswith("*"):
                    self._more.append((key, dn, int(option.rpartition("-")[2] or 0) + 1))

    _more: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])

    async def _ranges(self) -> str:
        """The rest of the groups with more members than one answer holds."""
        for key, dn, start in self._more:
            at: int | None = start
            for _ in range(_MOST_RANGES):
                if at is None:
                    break
                try:
                    at = await self._range(key, dn, at)
                except LdapError as error:
                    self._ends["members"] = str(error)
                    at = None
                except (OSError, TimeoutError):
                    self.lost = self._ends["members"] = "the connection was lost"
                    return self.lost
        return ""

    async def _range(self, key: str, dn: str, start: int) -> int | None:
        """Where the next one begins; None: that was the last."""
        following: int | None = None
        wanted = (f"member;range={start}-*",)
        async for entry in self.ldap.search(dn, 0, present("objectClass"), wanted, paged=False):
            for name, values in entry.attributes.items():
                option = name.lower().partition(";range=")[2]
                self._members.append((key, list(values)))
                last = option.rpartition("-")[2]
                if last.isdigit() and int(last) >= start:
                    following = int(last) + 1
        return following

    def _memberships(self) -> Iterator[DirectoryTable]:
        rows: Rows = [
            (group, self._sids.get(_same(dn)) or str(text(dn)))
            for group, members in self._members
            for dn in members
        ]
        yield from self._parts("members", ("group", "member"), rows, self._ends.get("members", ""))

    async def _records(self) -> AsyncIterator[DirectoryTable]:
        rows: Rows = []
        end = self.lost
        for base in () if self.lost else self.root.dns:
            names = ("dnsRecord", "dNSTombstoned")
            try:
                async for entry in self.ldap.search(base, 2, ZONE_RECORDS.query, names):
                    rows += _records_of(entry)
            except LdapError as error:
                end = str(error)
            except (OSError, TimeoutError):
                end = self.lost = "the connection was lost"
        columns = ("zone", "name", "type", "data", "ttl_s", "at_h", "dead_since_s")
        for table in self._parts("records", columns, rows, end):
            yield table

    def _rights(self) -> Iterator[DirectoryTable]:
        """Every distinct descriptor once."""
        heads: Rows = []
        entries: Rows = []
        for mark, data in sorted(self._descriptors.items()):
            found = self.once.of(data)
            if found is None:
                heads.append((mark, None, None, None, None))
                continue
            none = int(found.dacl is None)
            heads.append((mark, found.owner, int(found.protected), none, len(found.odd)))
            for ace in found.dacl or ():
                kind = "allow" if ace.allows else "deny" if ace.denies else "other"
                row = (mark, kind, ace.flags, ace.mask, ace.sid, ace.what, ace.heirs)
                entries.append((*row, int(ace.conditional)))
        columns = ("sd", "owner", "protected", "open", "odd")
        yield from self._parts("descriptors", columns, heads, self.lost)
        names = ("sd", "kind", "flags", "mask", "sid", "what", "heirs", "conditional")
        yield from self._parts("aces", names, entries, self.lost)

    def _parts(
        self, name: str, columns: tuple[str, ...], rows: Rows, end: str
    ) -> Iterator[DirectoryTable]:
        chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)] or [[]]
        for part, chunk in enumerate(chunks):
            last = part == len(chunks) - 1
            yield DirectoryTable(
                domain=self.root.domain,
                table=name,
                columns=columns,
                rows=tuple(chunk),
                part=part,
                last=last,
                end=end[:300] if last else "",
            )


def _key(asked: Asked) -> tuple[str, ...]:
    if asked.table in _KEYED:
        return ("sid", "dn")
    return ("dn", "sid") if any(c.name == "sid" for c in asked.columns) else ("dn",)


def _same(dn: bytes) -> str:
    """Names compare without case ([MS-ADTS] 3.1.1.1.6)."""
    return dn.decode("utf-8", "replace").casefold()


def _records_of(entry: Entry) -> Rows:
    dn = str(text(entry.dn))
    name, _, rest = dn.partition(",")
    zone = rest.partition(",")[0].partition("=")[2]
    rows: Rows = []
    for value in entry.attributes.get("dnsRecord", ()):
        try:
            r = dns_record(value)
            told: tuple[Cell, ...] = (r.type, r.data[:1024], r.ttl_s, r.at_h, r.dead_since_s)
        except BadRecord:
            told = ("unreadable", None, None, None, None)
        rows.append((zone, name.partition("=")[2], *told))
    return rows
