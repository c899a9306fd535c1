"""The configuration of a Network Policy Server (`Export-NpsConfiguration`, or system32\\ias\\ias.xml), read for `handover import`.

Shared secrets stand in it in clear. They are compared with each other while reading (who shares one?), and nothing of them is kept.
Layout: Root/Children/Microsoft_Internet_Authentication_Service/Children holds NetworkPolicy and RadiusProfiles (a policy names its profile
in msNPAction), Proxy_Policies and Proxy_Profiles, RADIUS_Server_Groups, Protocols/.../Clients. Values of methods: AUTHENTICATION_TYPE
of sdoias.h (Windows SDK). Foreign bytes: entities are refused (defusedxml), size, depth and counts are bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

from agent.model.bodies_nps import NpsClient, NpsPolicy, NpsTarget, NpsVerdict

MAX_BYTES = 8 * 1024 * 1024
"""Some 100 kB is usual; a tree of many small elements takes thirty times as much."""
MAX_OBJECTS = 20_000
MAX_CONDITIONS = 200
DEPTH = 60
_SERVICE = "Microsoft_Internet_Authentication_Service"
_METHODS = {
    1: "pap",
    2: "chap",
    3: "mschap",
    4: "mschap2",
    5: "eap",
    7: "none",
    # With a password that has run out, to change it: the same method.
    9: "mschap",
    10: "mschap2",
    11: "eap",
}
_PROVIDERS: dict[str, NpsVerdict] = {"0": "accept", "1": "local", "2": "forward"}
_GATEWAY = 1
"""Policy_SourceTag of what Remote Desktop Gateway makes."""
_NO_TEMPLATE = "{00000000-0000-0000-0000-000000000000}"


class NotNps(ValueError):
    """The file is no configuration of a Network Policy Server; the text says why."""


@dataclass(frozen=True)
class Nps:
    """What the file says, without a secret."""

    policies: tuple[NpsPolicy, ...]
    clients: tuple[NpsClient, ...]
    targets: tuple[NpsTarget, ...]


def looks_like_nps(start: bytes) -> bool:
    """Do these first bytes begin an XML document whose root is that of NPS?"""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            start = start[: len(start) // 2 * 2].decode("utf-16").encode()
        except UnicodeDecodeError:
            return False
    return b"<Root" in start and start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_nps(data: bytes, document: str, server: str) -> Nps:
    """Read a whole file; *document* and *server* are how its observations are called. Raises `NotNps`."""
    service = _service(data)
    found = _Reader(service, document, server)
    clients = found.clients()
    nps = Nps(tuple(found.policies()), tuple(clients), tuple(found.targets()))
    if len(nps.policies) + len(nps.clients) + len(nps.targets) > MAX_OBJECTS:
        raise NotNps(f"more than {MAX_OBJECTS} policies and clients: nothing a server runs")
    if not nps.policies:
        raise NotNps("no policy in it: a server without any lets nobody in, and none was ever seen")
    return nps


def _service(data: bytes) -> Element:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(data) > MAX_BYTES:
        raise NotNps(f"larger than {MAX_BYTES >> 20} MiB")
    try:
        root = fromstring(data)
    except DefusedXmlException as error:
        raise NotNps(f"refused: {type(error).__name__} (entities have no place in it)") from None
    except (ParseError, LookupError, ValueError, RecursionError) as error:
        raise NotNps(f"the file breaks off or is damaged ({str(error)[:120]})") from None
    if _depth(root) > DEPTH:
        raise NotNps(f"elements nest deeper than {DEPTH}: nothing NPS writes")
    service = root.find(f"./Children/{_SERVICE}") if root.tag == "Root" else None
    if service is None:
        raise NotNps(f"there is no {_SERVICE} in it")
    return service


def _depth(root: Element) -> int:
    deepest, level = 0, [root]
    while level:
        deepest += 1
        level = [child for element in level for child in element]
    return deepest


class _Reader:
    def __init__(self, service: Element, document: str, server: str) -> None:
        self._service = service
        self._document, self._server = document, server

    def policies(self) -> Iterator[NpsPolicy]:
        yield from self._layer("request", "Proxy_Policies", "Proxy_Profiles")
        yield from self._layer("network", "NetworkPolicy", "RadiusProfiles")

    def _layer(
        self, layer: Literal["request", "network"], policies: str, profiles: str
    ) -> Iterator[NpsPolicy]:
        settings: dict[str, dict[str, list[str]]] = {}
        for element in self._under(profiles):
            values = _values(element)
            settings[_name(element)] = values
            settings.setdefault(element.tag, values)
        for element in self._under(policies):
            told = _values(element)
            conditions = told.get("msNPConstraint", [])
            if len(conditions) > MAX_CONDITIONS:
                raise NotNps(f"a policy with more than {MAX_CONDITIONS} conditions")
            called = _first(told, "msNPAction")
            # A copied policy keeps the name of the first in msNPAction; its profile has its own element's name.
            profile = settings.get(called) or settings.get(_name(element))
            profile = profile or settings.get(element.tag)
            order = _first(told, "msNPSequence").strip()
            yield NpsPolicy(
                document=self._document,
                server=self._server,
                layer=layer,
                name=_name(element)[:256],
                # A policy without a number is asked last.
                order=int(order) if order.isdecimal() and len(order) < 10 else 2**31,
                enabled=_first(told, "Policy_Enabled", "1").strip() != "0",
                verdict=_verdict(layer, profile),
                conditions=tuple(c.strip()[:4_000] for c in conditions),
                ignores_account=_true(profile, "msIgnoreUserDialinProperties"),
                methods=_methods(profile),
                target=_first(profile or {}, "msAuthProviderName")[:256],
                gateway=_first(told, "Policy_SourceTag").strip() == str(_GATEWAY),
            )

    def clients(self) -> list[NpsClient]:
        """Of each only whether it has a secret, and with how many it shares it."""
        rows: list[tuple[Element, dict[str, list[str]]]] = []
        for where in ("Protocols/Children/Microsoft_Radius_Protocol/Children/Clients", "Clients"):
            rows += [(e, _values(e)) for e in self._under(where)]
        secrets = Counter(s for _, told in rows if (s := _first(told, "Shared_Secret")))
        found: list[NpsClient] = []
        for element, told in rows:
            secret = _first(told, "Shared_Secret")
            template = _first(told, "Client_Secret_Template_Guid").strip() or _NO_TEMPLATE
            held: Literal["set", "template", "none"] = "set" if secret else "none"
            found.append(
                NpsClient(
                    document=self._document,
                    server=self._server,
                    name=_name(element)[:256],
                    address=_first(told, "IP_Address").strip()[:256],
                    enabled=_first(told, "Radius_Client_Enabled", "1").strip() != "0",
                    signed=_first(told, "Require_Signature").strip() == "1",
                    secret="template" if template != _NO_TEMPLATE else held,
                    same=secrets[secret] - 1 if secret else 0,
                )
            )
        return found

    def targets(self) -> Iterator[NpsTarget]:
        for group in self._under("RADIUS_Server_Groups"):
            for box in group.iterfind("./Children//Properties"):
                address = "".join(box.findtext("Address") or "").strip()
                if address:
                    yield NpsTarget(
                        document=self._document,
                        server=self._server,
                        group=_name(group)[:256],
                        address=address[:256],
                    )

    def _under(self, path: str) -> Iterator[Element]:
        found = self._service.find(f"./Children/{path}/Children")
        yield from found if found is not None else ()


def _name(element: Element) -> str:
    return element.get("name") or element.tag


def _values(element: Element) -> dict[str, list[str]]:
    """Property -> its texts."""
    out: dict[str, list[str]] = {}
    properties = element.find("./Properties")
    for child in properties if properties is not None else ():
        out.setdefault(child.tag, []).append(child.text or "")
    return out


def _first(told: dict[str, list[str]], name: str, otherwise: str = "") -> str:
    return next(iter(told.get(name, [])), otherwise)


def _true(told: dict[str, list[str]] | None, name: str) -> bool:
    return _first(told or {}, name).strip() == "1"


def _verdict(layer: str, profile: dict[str, list[str]] | None) -> NpsVerdict:
    if profile is None:
        return "unknown"
    if layer == "request":
        return _PROVIDERS.get(_first(profile, "msAuthProviderType").strip(), "unknown")
    # A policy that says nothing denies: the default of a new one (Microsoft, cc730786).
    return "grant" if _true(profile, "msNPAllowDialin") else "deny"


def _methods(profile: dict[str, list[str]] | None) -> tuple[str, ...]:
    told = {t.strip() for t in (profile or {}).get("msNPAuthenticationType2", [])}
    found = {_METHODS.get(int(t), "other") if t.isdecimal() else "other" for t in told}
    return tuple(sorted(found))
