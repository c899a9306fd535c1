"""The chapter on directory domains: who rules them and how he came to it, who may dial in, service accounts, policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.model.attribution import Attribution
from agent.model.base import Us
from agent.model.directory import DirectoryAccount, DirectoryDomain, DirectoryPath

if TYPE_CHECKING:
    from reports.html.view import View

MOST = 1_000
"""Accounts of one table in the page; the rest is counted, and all of them are in inventory.json."""
_DAY_S = 86_400


class Domains:
    most = MOST

    def __init__(self, view: View) -> None:
        self._v = view

    @property
    def rows(self) -> tuple[DirectoryDomain, ...]:
        return self._v.judged.directory

    def state(self, account: DirectoryAccount) -> str:
        v = self._v
        if account.enabled is None:
            return Markup('<span class="not_examined">{}</span>').format(v.t("known_unreadable"))
        return v.t("account_on") if account.enabled else v.t("account_off")

    def when(self, at: Us | None) -> str:
        v = self._v
        if at is None:
            return Markup('<span class="not_examined">{}</span>').format(v.t("known_unreadable"))
        return v.d(at) if at else v.t("never")

    def way(self, account: DirectoryAccount) -> Markup:
        """The groups, joined by arrows, the way a person reads it: from the account upwards."""
        v = self._v
        parts = Markup(" → ").join(v.s(g, 64) for g in reversed(account.way))
        if account.hidden:
            parts += Markup(' <span class="chip high">{}</span>').format(v.t("hidden_primary"))
        return parts

    def steps(self, path: DirectoryPath) -> Markup:
        """The way in words, one step after the other."""
        v = self._v
        out = Markup("<bdi>{}</bdi>").format(v.s(path.name, 64))
        for step in path.steps:
            out += Markup(' <span class="soft">{}</span> <strong>{}</strong>').format(
                v.word("step", step.kind), v.s(step.to, 64)
            )
        return out

    def owner(self, owner: Attribution) -> Markup:
        """Whose the fields of the account say it is; nothing where they do not."""
        v = self._v
        if owner.owner == "unknown":
            return Markup("")
        chip = "critical" if owner.owner == "former" else "medium"
        return v.chip(chip, v.word("owner", owner.owner))

    def policy(self, domain: DirectoryDomain) -> list[tuple[str, Markup]]:
        """(what, value) of what was told, and of what was not."""
        v, p = self._v, domain.policy
        if p is None:
            return []
        days = None if p.max_age_s is None else p.max_age_s // _DAY_S
        minutes = None if p.lockout_s is None else p.lockout_s // 60
        return [
            (v.t("policy_min_length"), self._number(p.min_length)),
            (v.t("policy_history"), self._number(p.history)),
            (v.t("policy_max_age"), self._number(days)),
            (v.t("policy_lockout"), self._number(p.lockout)),
            (v.t("policy_lockout_minutes"), self._number(minutes)),
            (v.t("policy_machine_quota"), self._number(p.machine_quota)),
        ]

    def _number(self, value: int | None) -> Markup:
        v = self._v
        if value is None:
            return Markup('<span class="not_examined">{}</span>').format(v.t("lists_not_told"))
        return Markup("{}").format(v.n(value))
