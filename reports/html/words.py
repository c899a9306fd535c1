"""Words, numbers, times and strings of devices as safe markup in one language: the only way by which text reaches a template."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from reports.html.texts import (
    Lang,
    day,
    day_time,
    first_sentence,
    inert,
    iso_day,
    moment,
    number,
    pattern,
    percent,
    strings,
    text,
    written_day,
)


@dataclass(frozen=True)
class Words:
    """What comes from a device or a person passes through `s` (or `f`): inert, bounded, escaped."""

    lang: Lang

    def plain(self, value: object, limit: int) -> tuple[str, int]:
        """(inert text, characters left out); an edition may hide more."""
        return inert(value, limit)

    def t(self, key: str, /, **values: object) -> str:
        return text(self.lang, key, **values)

    def f(self, key: str, /, **values: object) -> Markup:
        """A text whose values come from a device or a person: numbers in the language's form, the rest inert."""
        shown = {
            k: x
            if isinstance(x, Markup)
            else number(self.lang, x)
            if isinstance(x, int)
            else self.s(x, 200)
            for k, x in values.items()
        }
        return Markup(escape(pattern(self.lang, key, values.get("n")))).format(**shown)

    def word(self, prefix: str, key: str) -> str:
        """Text of a code such as `class_printer`; the code itself, made inert, where there is none."""
        return strings(self.lang).get(f"{prefix}_{key}") or inert(key, 80)[0]

    def code(self, value: str) -> str:
        """A reason's code in words, part by part: `cert_key:vendor_default`."""
        return ": ".join(
            " + ".join(self.word("code", p) for p in part.split("+")) for part in value.split(":")
        )

    def n(self, value: int) -> str:
        return number(self.lang, value)

    def percent(self, permille: int) -> str:
        return percent(self.lang, permille)

    def s(self, value: object, limit: int = 400) -> Markup:
        """A string of the client's network, inert and set apart from the direction of the text around it."""
        shown, cut = self.plain(value, limit)
        more = (
            Markup(' <span class="soft">({})</span>').format(self.t("truncated", n=cut))
            if cut
            else ""
        )
        return Markup("<bdi>{}</bdi>{}").format(shown, more)

    def ours(self, value: str) -> Markup:
        """A sentence of our catalogues, its parameters inert; what stands between backticks is a command."""
        parts = self.plain(value, 600)[0].split("`")
        if len(parts) % 2 == 0:
            return Markup("{}").format("`".join(parts))
        return Markup("").join(
            Markup("<code>{}</code>" if i % 2 else "{}").format(x) for i, x in enumerate(parts)
        )

    def first(self, value: str) -> str:
        return first_sentence(value)

    def m(self, us: int) -> Markup:
        """Day and minute, UTC (said beside it); the exact second is in the attribute."""
        return self._time(us, day_time(self.lang, us))

    def exact(self, us: int) -> Markup:
        return self._time(us, moment(us))

    def _time(self, us: int, shown: str) -> Markup:
        return Markup('<time datetime="{}">{}</time>').format(
            moment(us).replace(" ", "T") + "Z", shown
        )

    def d(self, us: int) -> str:
        return day(self.lang, us)

    def iso(self, us: int) -> str:
        return iso_day(us)

    def written(self, value: str) -> str:
        return inert(written_day(self.lang, value), 40)[0]

    def chip(self, state: str, label: str) -> Markup:
        return Markup('<span class="chip {}">{}</span>').format(state, label)
