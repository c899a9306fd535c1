"""Short ways to write down what runs saw, for tests of the inventory."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.inventory.build import build
from agent.model import bodies
from agent.model.answers import Answers
from agent.model.asset import Asset
from agent.model.bodies import Body
from agent.model.inventory import Inventory
from agent.model.judged import RunFacts
from agent.model.observation import Observation, Standing, observation_id
from agent.model.ref import Ref, addr
from agent.model.run import UnitPlan
from agent.model.status import Ask, AskOutcome, ProbeStatus, UnitOutcome
from fixtures.networks.around import DAY, KEY, START, facts, material


def arp(mac: str) -> Body:
    return bodies.ArpEntry(mac=mac)


def ssh(fingerprint: str) -> Body:
    return bodies.SshHostKey(port=22, key_type="ed25519", fingerprint=fingerprint)


def name(text: str, source: str = "netbios") -> Body:
    return bodies.HostName(name=text, source=source)


def ident(scheme: str, value: str) -> Body:
    return bodies.DeviceIdentity.model_validate({"scheme": scheme, "value": value})


def attr(what: str, value: str) -> Body:
    return bodies.DeviceAttribute(name=what, value=value)


def page(title: str, port: int = 80, server: str = "", status: int = 200) -> Body:
    return bodies.HttpPage(port=port, tls=port == 443, status=status, title=title, server=server)


def port(number: int) -> Body:
    return bodies.TcpPort(port=number)


def banner(text: str, number: int = 22, protocol: str = "ssh") -> Body:
    return bodies.Banner(port=number, protocol=protocol, text=text)


def tls(
    key: str, subject: str, names: tuple[str, ...] = (), signed: bool = False, number: int = 443
) -> Body:
    return bodies.TlsCertificate(
        port=number,
        subject=subject,
        issuer="CN=Acme CA" if signed else subject,
        names=names,
        serial="01",
        not_before=START,
        not_after=START + 900 * DAY,
        self_signed=not signed,
        sha256=key,
        spki_sha256=key,
        key_type="ec",
        key_bits=256,
        signature="",
    )


@dataclass
class Story:
    """Runs in order; `see` writes into the newest one."""

    answers: Answers = field(default_factory=Answers)
    runs: list[RunFacts] = field(default_factory=list[RunFacts])
    seen: list[tuple[str, Observation]] = field(default_factory=list[tuple[str, Observation]])
    statuses: list[tuple[str, ProbeStatus]] = field(default_factory=list[tuple[str, ProbeStatus]])
    plans: list[tuple[str, UnitPlan]] = field(default_factory=list[tuple[str, UnitPlan]])
    site: str = ""
    at: int = START

    def run(self, site: str = "a", days: int = 1) -> Story:
        self.at += days * DAY
        self.site = site
        self.runs.append(facts(f"run-{len(self.runs)}", site, self.at))
        return self

    def see(self, ip: str, *what: Body, standing: Standing = "direct", probe: str = "p") -> Story:
        return self.tell(addr(self.site, ip), *what, standing=standing, probe=probe)

    def tell(
        self, subject: Ref, *what: Body, standing: Standing = "direct", probe: str = "p"
    ) -> Story:
        for body in what:
            self.at += 1000
            o = Observation(
                id=observation_id(KEY, probe, 1, "u", subject, None, body),
                probe=probe,
                probe_rev=1,
                unit="u",
                subject=subject,
                standing=standing,
                channel=probe,
                at=self.at,
                mono=0,
                body=body,
            )
            self.seen.append((self.runs[-1].header.run_id, o))
        return self

    def asked(
        self,
        probe: str,
        outcome: UnitOutcome = "done",
        params: dict[str, str] | None = None,
        /,
        **answers: AskOutcome,
    ) -> Story:
        """A unit of *probe* that asked addresses (`_` for `.`, with a leading `ip`)."""
        asks = tuple(
            Ask(
                kind="host.alive",
                subject=addr(self.site, ip.removeprefix("ip").replace("_", ".")),
                strength="strong",
                outcome=how,
            )
            for ip, how in answers.items()
        )
        status = ProbeStatus.of(
            *(probe, "u", 1, outcome, asks, self.at, self.at),
            "" if outcome == "done" else "test",
            params=params,
        )
        self.statuses.append((self.runs[-1].header.run_id, status))
        return self

    def inventory(self) -> Inventory:
        sites = tuple(sorted({r.header.site for r in self.runs})) or ("a",)
        return build(material(self.runs, self.seen, self.statuses, self.plans, sites, self.answers))

    def sets(self) -> list[list[str]]:
        """Addresses (as identifiers, old ones too) of every asset, with the site in front."""
        return sorted(
            sorted(f"{i.ref.ns[5:]}/{i.ref.value}" for i in a.identifiers if i.ref.kind == "addr")
            for a in self.inventory().assets
        )


def at(inventory: Inventory, ip: str) -> Asset:
    """The asset that has *ip* today."""
    return next(a for a in inventory.assets if ip in {r.value for r in a.addrs})
