"""From client.toml to the rule of scope of one site, and which networks get care."""

from __future__ import annotations

from agent.engagement.client_file import Network, Site
from agent.engagement.engagement import Engagement
from agent.engagement.problems import Refusal
from agent.model.scope import ScopeRule, parse_range

WIDEST = 1 << 16


def scope_for(engagement: Engagement, site: str | None, *, wide: bool = False) -> ScopeRule:
    """What may be asked at *site*. Guest networks are `never`, passive ones `unreached`: seen in the tables of others, not asked.

    Raises `Refusal` (2) when nothing is left to ask, or when it is more than a /16 and not *wide*.
    """
    rule = rule_of(engagement, engagement.site(site))
    if next(rule.hosts(), None) is None:
        raise Refusal(
            2,
            f"the scope of site {site or 'of this engagement'} is empty: no address is left to ask",
            'give the site networks, such as networks = [{ net = "192.168.1.0/24", use = "office" }]',
        )
    if rule.size() > WIDEST and not wide:
        raise Refusal(
            2,
            f"the networks hold {rule.size()} addresses, more than a /16 ({WIDEST})",
            "name the networks that are in use, or say --wide if all of it is meant",
        )
    return rule


def rule_of(engagement: Engagement, site: Site) -> ScopeRule:
    """As `scope_for`, and may be empty or wide; for `plan`, which says so instead of refusing."""
    return ScopeRule(
        allowed=tuple(n.net for n in site.networks if swept(n)),
        never=tuple(n.net for n in site.never)
        + tuple(n.net for n in site.networks if n.use == "guest"),
        unreached=tuple(n.net for n in site.unreached)
        + tuple(n.net for n in site.networks if n.use != "guest" and not swept(n)),
        actions=tuple(engagement.client.mandate.allows),
    )


def swept(network: Network) -> bool:
    """May the network be asked at all? Not guests, not what is read only from the tables of other devices."""
    passive = network.care == "passive" or (network.care == "ot" and not network.ot_ports)
    return network.use != "guest" and not passive


def slow_ranges(engagement: Engagement, site: str | None) -> tuple[str, ...]:
    """Ranges with one connection at a time and at most 10 packets a second (`RunContext.slow_ranges`)."""
    networks = engagement.site(site).networks
    return tuple(n.net for n in networks if swept(n) and n.care is not None)


def ot_ranges(engagement: Engagement, site: str | None) -> tuple[str, ...]:
    """Ranges whose industrial ports may be connected to, because client.toml opted in."""
    return tuple(n.net for n in engagement.site(site).networks if swept(n) and n.ot_ports)


def this_machine_only(site: Site) -> bool:
    """Is every network of the site inside 127.0.0.0/8 or ::1? Such ranges are this machine, wherever it stands."""
    return bool(site.networks) and all(
        net.is_loopback for n in site.networks for net in parse_range(n.net)
    )
