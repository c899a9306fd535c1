"""Reads SSDP messages and UPnP descriptions (UPnP Device Architecture 2.0, 1.2, 1.3 and 2.3). Pure, bounded, entities off."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from agent.model.bodies_udp import SsdpAnswer, UpnpDevice
from scanners.redaction import redact
from scanners.udp.asking import clean

LARGEST = 128 * 1024
MOST_DEVICES = 8
_STARTS = (b"HTTP/1.1 200", b"HTTP/1.0 200", b"NOTIFY * HTTP/1.")
_NAMING = frozenset({"hue-bridgeid", "x-rincon-household", "x-rincon-bootseq", "x-user-agent"})


class NotSsdp(ValueError):
    """No SSDP message, or no description; carries no byte of it."""


def answer(data: bytes) -> SsdpAnswer:
    """The answer to a search, or a NOTIFY. Raises `NotSsdp`."""
    if not data.startswith(_STARTS):
        raise NotSsdp("no answer to a search")
    safe, _ = redact(data[:4096])
    headers: dict[str, str] = {}
    for line in safe.split(b"\n")[1:64]:
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(clean(name, 64).lower(), clean(value))
    if not headers.keys() & {"st", "nt", "usn", "location", "al"}:
        raise NotSsdp("an answer that names nothing")
    return SsdpAnswer(
        server=headers.get("server", ""),
        st=headers.get("st") or headers.get("nt", ""),
        usn=headers.get("usn", ""),
        location=headers.get("location") or headers.get("al", ""),
        headers={k: v for k, v in sorted(headers.items()) if k in _NAMING},
    )


def location_of(url: str) -> tuple[str, int, str] | None:
    """(host, port, path) of an http URL; an address in its normal form, a name in lower case. None for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, 80 if parts.port is None else parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or not host or not 0 < port < 65536:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        return None
    try:
        return str(ip_address(host)), port, path
    except ValueError:
        return host, port, path


def description(data: bytes, location: str, server: str) -> list[UpnpDevice]:
    """The root device first, then those it embeds. Raises `NotSsdp`."""
    from defusedxml.ElementTree import ParseError, fromstring

    if len(data) > LARGEST:
        raise NotSsdp("a description that is too large")
    try:
        root = fromstring(redact(data)[0], forbid_dtd=True)
    except (ParseError, ValueError, LookupError, RecursionError):
        raise NotSsdp("no XML we would read") from None
    devices = [e for e in root.iter() if _local(e.tag) == "device"][:MOST_DEVICES]
    found = [_device(e, location, server, i > 0) for i, e in enumerate(devices)]
    if not found or not (found[0].device_type or found[0].manufacturer or found[0].model_name):
        raise NotSsdp("no description of a device")
    return found


def _device(element: Any, location: str, server: str, embedded: bool) -> UpnpDevice:
    told = dict(_children(element))
    return UpnpDevice(
        location=location,
        device_type=told.get("devicetype", ""),
        friendly_name=told.get("friendlyname", ""),
        manufacturer=told.get("manufacturer", ""),
        model_name=told.get("modelname", ""),
        model_number=told.get("modelnumber", ""),
        model_description=told.get("modeldescription", ""),
        serial=told.get("serialnumber", "") or told.get("serialnum", ""),
        udn=told.get("udn", ""),
        presentation_url=told.get("presentationurl", ""),
        server=server,
        embedded=embedded,
    )


def _children(element: Any) -> Iterator[tuple[str, str]]:
    for child in list(element)[:64]:
        if child.text and isinstance(child.tag, str):
            yield _local(child.tag).lower(), clean(str(child.text))


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
