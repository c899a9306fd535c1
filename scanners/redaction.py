"""Takes secrets out of what a device said, between fetch and emit: what is stored and hashed is the redacted answer.

By form, as a device's answer carries no label: session cookies, credentials in a URL, `password = ...` in text, JSON, forms and queries,
private keys. Pure, in a time bounded by the size of the answer; never raises.
"""

from __future__ import annotations

import re

MARK = b"[redacted]"

_WORDS = (
    rb"(?:password|passwd|passphrase|passwort|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|token|community|csrf"
    rb"|session[_-]?id|sessid|mot[_ ]de[_ ]passe|mdp)"
)
_SECRET_NAME = re.compile(rb"(?i)" + _WORDS)
# Without "<": a page of nothing but tags must cost no more than its size.
_INPUT = re.compile(rb"(?i)<input\b[^<>]{0,2000}")
_VALUE = re.compile(rb"(?i)(\bvalue[ \t]{0,3}=[ \t]{0,3}[\"']?)[^\"'<>]{1,2000}")
_RULES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (
        "private key",
        re.compile(rb"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?:[^-]|-(?!----)){1,20000}()"),
    ),
    # RFC 6265: the name of a cookie tells the product, its value lets one in.
    ("cookie", re.compile(rb"(?i)((?:^|\n)(?:set-)?cookie2?:[ \t]*[^=\r\n;]{0,100}=)[^\r\n;]+()")),
    (
        "authorization",
        re.compile(rb"(?i)((?:^|\n)(?:proxy-)?authorization:[ \t]*(?:[a-z]+[ \t]+)?)[^\r\n]+()"),
    ),
    (
        "credentials in a URL",
        re.compile(rb"(?i)(\w://[^/\s@:\"'<>]{0,100}:)[^/\s@\"'<>]{1,200}(@)"),
    ),
    (
        "named secret",
        re.compile(
            rb"(?i)("
            + _WORDS
            + rb"[A-Za-z0-9_.-]{0,20}[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?)[^\s\"'<>&,;]+()"
        ),
    ),
)


def redact(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """*data* without what looks like a secret, and the kinds that were taken out."""
    done: list[str] = []
    for name, rule in _RULES:
        data, count = rule.subn(rb"\1" + MARK + rb"\2", data)
        if count:
            done.append(name)
    changed = _INPUT.sub(_form_value, data)
    if changed != data:
        done.append("form value")
    return changed, tuple(done)


def _form_value(tag: re.Match[bytes]) -> bytes:
    """An input field with its value taken out where its name or type says that it is a secret."""
    if not _SECRET_NAME.search(tag[0]):
        return tag[0]
    return _VALUE.sub(rb"\1" + MARK, tag[0])
