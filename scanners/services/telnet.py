"""Telnet (RFC 854, 1143): every option is refused, so that the server goes on to its greeting and prompt. Nothing is typed."""

from __future__ import annotations

import re

from agent.model.bodies_services import ServiceNamed
from scanners.services.conversation import Conversation

IAC, SE, SB, WILL, WONT, DO, DONT = 255, 240, 250, 251, 252, 253, 254
_OPTION = re.compile(rb"\xff([\xfb-\xfe])(.)", re.DOTALL)
_PROMPT = re.compile(rb"(?:[:>#$\]?])\s?$")
ROUNDS = 6
MAX_ANSWERS = 40


async def greeting(c: Conversation, said: bytes) -> bytes:
    """*said* and what the server adds once its options are refused. It may add nothing, or hang up."""
    whole = said
    for _ in range(ROUNDS):
        answer = refuse(said)
        if not answer:
            break
        try:
            # More options want an answer first: the server waits for it.
            said = await c.ask(answer, lambda d: finished(d) or bool(refuse(d)), limit=2048)
        except (TimeoutError, ConnectionError):
            break
        whole += said
        if finished(whole):
            break
    return whole[:4096]


async def talk(c: Conversation) -> None:
    await c.report(ServiceNamed(port=c.port, protocol="telnet"), "telnet")


def refuse(data: bytes) -> bytes:
    """DONT for each WILL, WONT for each DO; silence for the rest, as RFC 854 asks."""
    out = bytearray()
    for found in list(_OPTION.finditer(data))[:MAX_ANSWERS]:
        verb = found[1][0]
        if verb == WILL:
            out += bytes((IAC, DONT)) + found[2]
        elif verb == DO:
            out += bytes((IAC, WONT)) + found[2]
    return bytes(out)


def finished(data: bytes) -> bool:
    """Does it end with a prompt?"""
    return _PROMPT.search(_OPTION.sub(b"", data)) is not None
