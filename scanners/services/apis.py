"""Platforms that tell what they are at a page of their own, without account: Docker, vSphere, WS-Management; and NTLM over HTTP.

Sources: Docker Engine API (`GET /version`); vSphere Web Services SDK (`RetrieveServiceContent`); DMTF DSP0226, 11 and [MS-WSMV] 3.1.4.1
(`Identify`); [MS-NTHT] for NTLM in the header of a request.
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from agent.model.bodies_services import ApiAbout
from scanners.http_answer import Answer
from scanners.not_spoken import NotSpoken
from scanners.services import ntlm
from scanners.services.http import Http

DOCKER_PORTS = frozenset({2375, 2376})
WSMAN_PORTS = frozenset({5985, 5986})
_MAX = 32 * 1024
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_RETRIEVE = (
    f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_SOAP}"><soapenv:Body>'
    '<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>'
    "</RetrieveServiceContent></soapenv:Body></soapenv:Envelope>"
)
_IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body>'
    "<i:Identify/></s:Body></s:Envelope>"
)


async def docker(http: Http) -> None:
    raw, answer = await http.ask("/version")
    await http.c.report(parse_docker(http.c.port, answer, tls=http.tls), "http", raw[:_MAX])


async def vsphere(http: Http) -> None:
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:vim25/5.0"'}
    raw, answer = await http.ask(
        "/sdk", method="POST", headers=headers, body=_RETRIEVE.encode("ascii")
    )
    await http.c.report(parse_vsphere(http.c.port, answer, tls=http.tls), "http", raw[:_MAX])


async def wsman(http: Http) -> None:
    headers = {
        "Content-Type": "application/soap+xml;charset=UTF-8",
        "WSMANIDENTIFY": "unauthenticated",
    }
    raw, answer = await http.ask(
        "/wsman", method="POST", headers=headers, body=_IDENTIFY.encode("ascii")
    )
    await http.c.report(parse_wsman(http.c.port, answer, tls=http.tls), "http", raw[:_MAX])


async def challenge(http: Http, path: str = "/", scheme: str = "NTLM") -> None:
    """NTLM's first message in the Authorization header: the refusal that comes back holds the challenge."""
    token = base64.b64encode(ntlm.negotiate()).decode("ascii")
    raw, answer = await http.ask(path, headers={"Authorization": f"{scheme} {token}"}, last=True)
    found = parse_challenge(answer.headers.get("www-authenticate", ""))
    await ntlm.report(http.c, found, "http", raw.partition(b"\r\n\r\n")[0])


def offers_ntlm(answer: Answer) -> str | None:
    """The scheme by which NTLM may be begun there, where it is offered."""
    offered = answer.headers.get("www-authenticate", "")
    for scheme in ("NTLM", "Negotiate"):
        if re.search(rf"(?i)(?:^|,)\s*{scheme}\b", offered):
            return scheme
    return None


def parse_challenge(header: str) -> ntlm.Challenge:
    """Raises `NotSpoken`."""
    found = re.search(r"(?:NTLM|Negotiate)\s+([A-Za-z0-9+/]{16,4096}={0,2})", header, re.IGNORECASE)
    if found is None:
        raise NotSpoken("no NTLM challenge")
    try:
        return ntlm.find(base64.b64decode(found[1] + "=" * (-len(found[1]) % 4)))
    except binascii.Error:
        raise NotSpoken("no NTLM challenge") from None


def parse_docker(port: int, answer: Answer, *, tls: bool = False) -> ApiAbout:
    """Raises `NotSpoken`."""
    if answer.status != 200:
        raise NotSpoken("no Docker answer")
    try:
        told = json.loads(answer.body[:_MAX])
    except (ValueError, RecursionError):
        raise NotSpoken("no Docker answer") from None
    if not isinstance(told, dict) or "ApiVersion" not in told:
        raise NotSpoken("no Docker answer")

    def text(key: str) -> str:
        value = told.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return value[:100] if isinstance(value, str) else ""

    return ApiAbout(
        port=port,
        api="docker",
        tls=tls,
        product="Docker",
        version=text("Version"),
        build=text("GitCommit"),
        os=" ".join(filter(None, (text("Os"), text("Arch"), text("KernelVersion")))),
        open=True,
    )


def parse_vsphere(port: int, answer: Answer, *, tls: bool = False) -> ApiAbout:
    """AboutInfo of ESXi or vCenter. By its tags: no parser of ours opens hostile XML. Raises `NotSpoken`."""
    about = re.search(rb"<about>(.{1,8192}?)</about>", answer.body[:_MAX], re.DOTALL)
    if about is None:
        raise NotSpoken("no AboutInfo")
    return ApiAbout(
        port=port,
        api="vsphere",
        tls=tls,
        vendor=_tag(about[1], b"vendor"),
        product=_tag(about[1], b"name"),
        version=_tag(about[1], b"version"),
        build=_tag(about[1], b"build"),
        os=_tag(about[1], b"osType"),
    )


def parse_wsman(port: int, answer: Answer, *, tls: bool = False) -> ApiAbout:
    """IdentifyResponse; Windows writes its version into ProductVersion (`OS: 10.0.20348 SP: 0.0 Stack: 3.0`). Raises `NotSpoken`."""
    body = answer.body[:_MAX]
    if b"IdentifyResponse" not in body:
        raise NotSpoken("no IdentifyResponse")
    version = _tag(body, b"ProductVersion")
    os = re.search(r"OS: ([\d.]+)", version)
    return ApiAbout(
        port=port,
        api="wsman",
        tls=tls,
        vendor=_tag(body, b"ProductVendor"),
        product="WS-Management",
        version=version,
        os=os[1] if os and os[1] != "0.0.0" else "",
    )


def _tag(data: bytes, name: bytes) -> str:
    found = re.search(rb"<(?:\w{1,16}:)?%s>([^<]{0,200})<" % name, data)
    return found[1].decode("utf-8", "replace").strip() if found else ""
