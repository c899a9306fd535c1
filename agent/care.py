"""`Care`: which hosts of a run are treated with care and why, from client.toml and from what the run has seen of them so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from ipaddress import ip_address

from agent.catalogs.features import features_of, load_features
from agent.catalogs.fragile import by_class, by_mac, by_port
from agent.inventory.classify import read_text
from agent.inventory.weigh import Vote, decide
from agent.model.bodies import ArpEntry, TcpPort
from agent.model.observation import Observation
from agent.model.scope import parse_range

ASKED = "client.toml"


class Care:
    """A host that was treated with care once stays so to the end of the run."""

    def __init__(self, ranges: tuple[str, ...] = ()) -> None:
        self._nets = [net for text in ranges for net in parse_range(text)]
        self._seen: dict[str, str] = {}
        self._votes: dict[str, dict[tuple[str, str, str], Vote]] = defaultdict(dict)

    def why(self, host: str) -> str:
        """Why care is taken with *host*: "client.toml", or the id of an entry of fragile.toml; empty where there is none."""
        address = ip_address(host)
        if any(address in net for net in self._nets):
            return ASKED
        return self._seen.get(host, "")

    def slow(self, host: str) -> bool:
        """One connection at a time, at most 10 packets a second."""
        return bool(self.why(host))

    def look(self, seen: Callable[[str], Iterable[Observation]]) -> None:
        """Take in what was observed since: MAC addresses, open ports, and what devices say of themselves.

        The class is read of one address' own words, without what the inventory would put together: it may say less, never another.
        """
        for o in seen("arp.entry"):
            if isinstance(o.body, ArpEntry) and (entry := by_mac(o.body.mac)) is not None:
                self._seen.setdefault(o.subject.value, entry.id)
        for o in seen("tcp.port"):
            if isinstance(o.body, TcpPort) and (entry := by_port(o.body.port)) is not None:
                self._seen.setdefault(o.subject.value, entry.id)
        for kind in sorted({f.kind for f in load_features() if f.reader is None}):
            for o in seen(kind):
                if o.standing == "direct" and o.subject.kind in ("addr", "service"):
                    self._hear(o)
        for host in sorted(self._votes.keys() - self._seen.keys()):
            said = decide(self._votes[host].values()).device_class
            entry = by_class(said.value) if said.state == "known" and said.value else None
            if entry is not None:
                self._seen[host] = entry.id

    def _hear(self, o: Observation) -> None:
        host = o.subject.value.split("/", 1)[0]
        for row in features_of(o.body.kind):
            voice = row.voice_in(o.body)
            for text in row.texts(o.body):
                for hit in read_text(row.name, text):
                    for name, ratio in hit.votes:
                        vote = Vote(name, ratio, hit.id, voice, row.name, "", hit.weak, (o.id,))
                        self._votes[host][name, hit.id, voice] = vote
