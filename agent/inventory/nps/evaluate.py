"""May this account connect through this server, and by which policy? Pure.

Policies are asked in their order and the first whose conditions all hold decides (Microsoft, NPS: network policies). What the request
alone decides (time, kind of access, client) leaves both ways open. The account's own dial-in setting comes before the policy's permission,
unless the policy ignores it (Microsoft, cc730786 and cc772123): denied is denied, allowed overrides a policy that denies. Without a
policy whose conditions hold nobody connects, whatever the account says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.inventory.directory.domain import Domain, Principal
from agent.inventory.nps.conditions import Condition, Held, condition, holds
from agent.model.bodies_directory import DIAL_IN
from agent.model.bodies_nps import NpsPolicy
from agent.model.nps import Entry


@dataclass(frozen=True)
class Ruled:
    """A policy, its conditions read once."""

    policy: NpsPolicy
    evidence: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Answer:
    """`verdict` None: it may not connect. `by`: policies that may let it in; `despite`: its own setting overrides one that denies."""

    verdict: Entry | None
    by: tuple[Ruled, ...] = ()
    despite: bool = False


def ruled(policies: Sequence[tuple[str, NpsPolicy]], layer: str) -> tuple[Ruled, ...]:
    """Those of *layer* that are switched on, in the order in which they are asked."""
    found = [
        Ruled(p, id_, tuple(condition(c) for c in p.conditions))
        for id_, p in policies
        if p.layer == layer and p.enabled
    ]
    return tuple(sorted(found, key=lambda r: (r.policy.order, r.policy.name)))


def decides_itself(requests: Sequence[Ruled]) -> bool | None:
    """Do the network policies of this server decide of any request? None: could not be told."""
    may = False
    for r in requests:
        if r.policy.verdict == "unknown":
            return None
        may |= r.policy.verdict == "local"
        if all(c.empty for c in r.conditions):
            # The first that takes every request: none after it is asked.
            return may
    return may if requests else None


def may_connect(user: Principal, domain: Domain, policies: Sequence[Ruled]) -> Answer:
    """What *policies* (of `ruled`, network) mean for *user*."""
    outcomes: list[tuple[Held, Held]] = []
    by: list[Ruled] = []
    despite = False
    for r in policies:
        matched = _matches(r, user, domain)
        if matched == "no":
            continue
        granted = _granted(r.policy, user)
        outcomes.append((matched, granted))
        if granted != "no":
            by.append(r)
            despite |= r.policy.verdict == "deny" and granted == "yes"
        if matched == "yes":
            break
    else:
        outcomes.append(("yes", "no"))
    return Answer(_verdict(outcomes), tuple(by), despite)


def _verdict(outcomes: list[tuple[Held, Held]]) -> Entry | None:
    if all(granted == "yes" for _, granted in outcomes):
        return "yes"
    if all(granted == "no" for _, granted in outcomes):
        return None
    if any("unread" in outcome for outcome in outcomes):
        return "unknown"
    return "conditional"


def _matches(r: Ruled, user: Principal, domain: Domain) -> Held:
    told = {holds(c, user, domain) for c in r.conditions}
    for worst in ("no", "unread", "request"):
        if worst in told:
            return worst
    return "yes"


def _granted(policy: NpsPolicy, user: Principal) -> Held:
    if policy.verdict not in ("grant", "deny"):
        return "unread"
    says: Held = "yes" if policy.verdict == "grant" else "no"
    if policy.ignores_account:
        return says
    setting = user.row.number("dial_in")
    if setting is not None:
        return "yes" if setting else "no"
    return says if user.may_read(DIAL_IN) else "unread"
