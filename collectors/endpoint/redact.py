"""Command lines without their secrets, before they are stored anywhere: program, names of switches, names of files; values only of what the
catalogue calls public.

An argument is shown only where it looks like a name of a program or a switch. A password has no form of its own, so nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"
LONGEST = 1024
_TOKEN = re.compile(r'"[^"]*"?|\'[^\']*\'?|[^\s"\']+')
_SWITCH = re.compile(r"(--?[A-Za-z][\w.-]{0,60}|/[A-Za-z?][\w-]{0,20})(?:([=:])(.*))?", re.DOTALL)
_FILE = re.compile(
    r"(?:[A-Za-z]:[\\/]|\\\\|/|\./|%\w{1,40}%|\$\w{1,40}|[\w-]{1,60}\\)?[^\s:*?<>|=@;&]{0,300}"
    r"\.(?:exe|com|dll|sys|cmd|bat|ps1|vbs|js|wsf|hta|msi|msp|sh|py|pl|rb|jar|service|timer|conf|cfg|ini|toml|json|ya?ml|xml|plist|msh|desktop)",
    re.IGNORECASE,
)
_PATH = re.compile(
    r"(?:/(?:usr|bin|sbin|opt|etc|var|lib|lib64|run|home|root|System|Library|Applications)(?:/[\w.@+-]{1,80}){0,12}/?)"
)
_WORDS = frozenset(
    {
        "start",
        "stop",
        "restart",
        "status",
        "run",
        "install",
        "uninstall",
        "enable",
        "disable",
        "create",
        "delete",
        "load",
        "unload",
    }
    | {
        "exec",
        "service",
        "daemon",
        "agent",
        "access",
        "session",
        "call",
        "process",
        "now",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
    }
)
_SHELL = frozenset(
    {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1", "2>", "1>", "(", ")", "{", "}", "!", "-"}
)
_LONG = frozenset(
    {
        "-file",
        "-command",
        "-noprofile",
        "-nop",
        "-nologo",
        "-noninteractive",
        "-executionpolicy",
        "-ep",
        "-windowstyle",
        "-enc",
    }
    | {
        "-encodedcommand",
        "-jar",
        "-service",
        "-silent",
        "-quiet",
        "-install",
        "-uninstall",
        "-start",
        "-stop",
        "-run",
        "-config",
    }
)
"""Switches of one dash and several letters that are shown: in `-psecret` the value stands in the same word as its switch."""


def redact(command: str, keep: Iterable[re.Pattern[str]] = ()) -> str:
    """*command* as it may be shown, at most 1,024 characters. What *keep* finds (whole match) stands at its end."""
    text = command.replace("\0", " ")[:8192].strip()
    shown: list[str] = []
    if first := _program(text):
        shown.append(first)
    for token in _TOKEN.finditer(text, len(first)):
        # Programs in a row are parted by commas (Userinit).
        shown += [_argument(part) for part in token[0].split(",") if part]
    kept: list[str] = []
    for pattern in keep:
        kept += [m[0][:600] for m in pattern.finditer(text)]
    tail = " ".join(dict.fromkeys(kept))
    line = " ".join(_without_repeats(shown))[: max(0, LONGEST - len(tail) - 1)]
    return f"{line} {tail}".strip()[:LONGEST]


def _program(text: str) -> str:
    """The program a line begins with, quoted or with blanks in its path; empty where the line does not begin with one."""
    if quoted := re.match(r'"[^"]{1,400}"', text):
        return quoted[0]
    if spaced := re.match(
        r"[A-Za-z]:\\[^\"*?<>|=@]{1,300}?\.(?:exe|com|cmd|bat|ps1|vbs|msi|sys|dll)(?=\s|$|,)",
        text,
        re.I,
    ):
        return spaced[0]
    word = re.match(r"(?!-)[^\s=;|&'\"]{1,400}", text)
    # VARIABLE=value before the program: the token rule deals with it.
    return word[0] if word and text[word.end() : word.end() + 1] != "=" else ""


def _argument(token: str) -> str:
    bare = token.strip("\"'")
    quote = token[0] if token[0] in "\"'" else ""
    if bare in _SHELL or bare.lower() in _WORDS:
        return bare
    if _is_file(bare):
        return f"{quote}{bare}{quote}"
    if switch := _SWITCH.fullmatch(bare):
        name, sign, value = switch[1], switch[2], switch[3]
        if name[0] == "-" and name[1] != "-" and len(name) > 2 and name.lower() not in _LONG:
            return HIDDEN
        if sign is None:
            return name
        return f"{name}{sign}{value if _is_file(value) else HIDDEN}"
    return HIDDEN


def _is_file(text: str) -> bool:
    return len(text) <= 400 and bool(_FILE.fullmatch(text) or _PATH.fullmatch(text))


def _without_repeats(shown: list[str]) -> list[str]:
    """One mark for several hidden words in a row: how many there were is nobody's business."""
    return [s for n, s in enumerate(shown) if s != HIDDEN or n == 0 or shown[n - 1] != HIDDEN]


def url_without_user(text: str) -> str:
    """*text* without the user and password of a URL (`scheme://user:password@host`)."""
    return re.sub(r"(?<=://)[^/\s@]{1,512}@", "", text)
