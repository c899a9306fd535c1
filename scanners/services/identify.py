"""What speaks at one open port? The flow over all protocols: as the port number suggests, then by what was said, then HTTP and TLS.

Most ports cost one connection: what is listened to is answered on the connection it came by. Further connections are made only for what
cannot be had otherwise: SMB 1, whether NLA is required, TLS where plain text was tried in vain.
"""

from __future__ import annotations

import re

from agent.model.bodies import Banner
from agent.model.status import AskOutcome
from scanners import banner, web
from scanners.http_answer import Answer
from scanners.services import apis, ipp, telnet
from scanners.services.conversation import Conversation, outcome_of
from scanners.services.http import Http
from scanners.services.ways import AFTER_BANNER, RTSP, SIP, Speaker, Way, way

LISTEN_S = 3.0
UNKNOWN_S = 0.5
"""How long a port that is not known to speak first is listened to, before it is asked. A later greeting is heard as the answer."""
NEXT_S = 0.4
SMALL_PAGE = 64 * 1024
_VSPHERE = re.compile(rb"(?i)ID_EESX_Welcome|ID_VC_Welcome|vsphere|VMware ESX")


async def identify(c: Conversation) -> None:
    """Ask the port of *c*; what it says becomes observations, how it went outcomes. Raises `OutOfScope` and `UnitEnded` only."""
    found = way(c.port)
    if found.first == "never":
        return
    try:
        await _as_the_port_says(c, found)
        if not c.named and not c.impatient:
            await _otherwise(c, found)
    except OSError as error:
        # The connection itself failed: whatever was to be asked has the same answer.
        for kind in _questions(found):
            c.outcomes.setdefault(kind, outcome_of(error))
    finally:
        await c.close()


def _questions(found: Way) -> tuple[str, ...]:
    if found.first == "listen":
        return ("banner",) if found.expects else ()
    if found.first == "ask" and found.speaker:
        extra = ("banner",) if found.speaker.kind == "smb.hello" else ()
        return (found.speaker.kind, *extra)
    kinds = {
        "http": ("http.page",),
        "https": ("http.page", "tls.certificate"),
        "tls": ("tls.certificate",),
    }
    return kinds.get(found.first, ())


async def _as_the_port_says(c: Conversation, found: Way) -> None:
    await c.open()
    if found.first in ("http", "https"):
        await _page(c, tls=found.first == "https", whole=True)
    elif found.first == "tls":
        if await c.put("tls.certificate", c.start_tls()):
            await _inside(c, found.speaker)
    elif found.first == "ask" and found.speaker:
        await c.put(found.speaker.kind, found.speaker.talk(c))
    else:
        heard = await _listen(c, LISTEN_S if found.expects else UNKNOWN_S)
        if found.expects:
            c.outcomes["banner"] = "answered" if heard else "silent"


async def _inside(c: Conversation, speaker: Speaker | None) -> None:
    """What speaks inside TLS: who is expected there, else whoever speaks first."""
    if speaker is not None:
        await c.put(speaker.kind, speaker.talk(c))
    else:
        await _listen(c, UNKNOWN_S)


async def _listen(c: Conversation, wait_s: float) -> bool:
    """Hear what comes by itself; recognise it, and go on in its protocol. False where nothing came."""
    try:
        said = await c.hear(
            lambda d: _said_it(c.port, d),
            limit=banner.LIMIT,
            wait_s=wait_s,
            next_s=NEXT_S,
            whole_s=LISTEN_S,
        )
    except (TimeoutError, ConnectionError):
        return False
    await _recognised(c, said)
    return True


def _said_it(port: int, data: bytes) -> bool:
    """A line, a MySQL packet, or telnet options that wait for an answer: there is no more to wait for."""
    if banner.protocol_of(port, data) == "mysql":
        return len(data) >= 4 + int.from_bytes(data[:3], "little")
    return banner.finished(port, data) or bool(telnet.refuse(data))


async def _recognised(c: Conversation, said: bytes) -> None:
    protocol = banner.protocol_of(c.port, said)
    if protocol == "telnet":
        said = await telnet.greeting(c, said)
    body = banner.parse(c.port, said, truncated=len(said) >= banner.LIMIT)
    await c.report(body, "tls" if c.tls else "tcp", said)
    c.heard = said
    if body.truncated:
        return  # it floods: nothing more is asked
    if speaker := AFTER_BANNER.get(protocol):
        await c.put(speaker.kind, speaker.talk(c))


async def _otherwise(c: Conversation, found: Way) -> None:
    """Nobody we know has answered yet: by what was said to our question, else HTTP and TLS where they may be tried."""
    said = c.heard
    if said and await _by_its_words(c, said):
        return
    if found.first == "http" and (said or c.closed):
        # Who speaks TLS breaks off at plain text; who just waits does not.
        await _page(c, tls=True, whole=True, fresh=True)
    elif found.first == "https":
        await _page(c, tls=False, whole=True, fresh=True)
    elif found.first == "listen" and not found.expects:
        await _page(c, tls=False)
        if not c.named:
            await _tls_then_page(c)


async def _by_its_words(c: Conversation, said: bytes) -> bool:
    """A wrong question often gets a telling answer (RFC 9112, 3: `400`); the right one is put on a fresh connection."""
    if said.startswith(b"HTTP/"):
        await _page(c, tls=False, fresh=True)
    elif re.match(rb"[\x15\x16]\x03[\0-\4]", said):
        await _tls_then_page(c)
    elif said.startswith((b"RTSP/", b"SIP/2.0")):
        speaker = RTSP if said.startswith(b"RTSP/") else SIP
        await c.open()
        await c.put(speaker.kind, speaker.talk(c))
    elif banner.protocol_of(c.port, said):
        await c.open()
        await _listen(c, LISTEN_S)
    elif text := said.strip(b"\0\r\n ")[:2048]:
        # It spoke, in no tongue of ours: what it said is evidence all the same.
        await c.report(
            Banner(port=c.port, text=text.decode("utf-8", "replace")), "tcp", said[:4096]
        )
    return c.named


async def _tls_then_page(c: Conversation) -> None:
    await c.open()
    if await c.put("tls.certificate", c.start_tls()):
        await _page(c, tls=True)


async def _page(c: Conversation, *, tls: bool, whole: bool = False, fresh: bool = False) -> None:
    """The root page, and what it leads to. *whole*: a web port, whose page is read in full; *fresh*: on a new connection."""
    if fresh or not c.is_open:
        await c.open()
    http = Http(c, tls) if whole else Http(c, tls, SMALL_PAGE)
    answers: list[Answer] = []
    wants_tls = False

    async def ask() -> None:
        nonlocal wants_tls
        try:
            answers.append(await web.talk(http))
        except web.WantsTls:
            wants_tls = True
            raise

    before = c.outcomes.get("http.page")
    answered = await c.put("http.page", ask())
    if not answered and (before is not None or not whole):
        # Nobody said that this is a web port, or that it is one of the other kind: not to have found one is no answer worth telling.
        _restore(c, "http.page", before)
    if wants_tls:
        await _tls_then_page(c)
    elif answers:
        await _beyond(http, answers[0])


async def _beyond(http: Http, answer: Answer) -> None:
    """What a page leads us to ask at the same server, each at its documented address."""
    c = http.c
    if c.port == ipp.PORT:
        await c.put("ipp.printer", ipp.talk(http))
    if c.port in apis.DOCKER_PORTS or answer.headers.get("server", "").startswith("Docker/"):
        await c.put("api.about", apis.docker(http))
    if c.port in apis.WSMAN_PORTS:
        await c.put("api.about", apis.wsman(http))
        await c.put("ntlm.challenge", apis.challenge(http, "/wsman", "Negotiate"))
    elif _VSPHERE.search(answer.body[: web.KEPT]):
        await c.put("api.about", apis.vsphere(http))
    elif scheme := apis.offers_ntlm(answer):
        await c.put("ntlm.challenge", apis.challenge(http, "/", scheme))


def _restore(c: Conversation, kind: str, before: AskOutcome | None) -> None:
    if before is None:
        c.outcomes.pop(kind, None)
    else:
        c.outcomes[kind] = before
