"""A configuration of NPS as a server writes it (layout of public exports of Windows Server 2019), with secrets to look for afterwards."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

SECRET, TEMPLATE_SECRET, TARGET_SECRET = "S3cret-of-fw", "S3cret-of-template", "S3cret-of-proxy"
DT = 'xmlns:dt="urn:schemas-microsoft-com:datatypes" dt:dt'
ALWAYS = 'TIMEOFDAY("' + "; ".join(f"{d} 00:00-24:00" for d in range(7)) + '")'
NO_TEMPLATE = "{00000000-0000-0000-0000-000000000000}"


def prop(name: str, kind: str, value: object) -> str:
    text = str(value).replace("&", "&amp;").replace("<", "&lt;")
    return f'<{name} {DT}="{kind}">{text}</{name}>'


def box(tag: str, name: str, *properties: str) -> str:
    return f"<{tag} name={quoteattr(name)}><Properties>{''.join(properties)}</Properties></{tag}>"


def policy(
    name: str,
    order: int,
    *conditions: str,
    grants: bool = True,
    ignores: bool = False,
    methods: tuple[int, ...] = (5, 4, 10),
    enabled: bool = True,
    source: int = 0,
    tag: str = "",
    action: str = "",
) -> tuple[str, str]:
    """A network policy and its profile."""
    tag = tag or name.replace(" ", "_")
    return (
        box(
            tag,
            name,
            prop("Policy_Enabled", "boolean", int(enabled)),
            prop("Policy_SourceTag", "int", source),
            prop("msNPAction", "string", action or name),
            *(prop("msNPConstraint", "string", c) for c in conditions),
            prop("msNPSequence", "int", order),
        ),
        box(
            tag,
            name,
            *([prop("msIgnoreUserDialinProperties", "boolean", 1)] if ignores else []),
            prop("msNPAllowDialin", "boolean", int(grants)),
            *(prop("msNPAuthenticationType2", "int", m) for m in methods),
        ),
    )


def request(
    name: str, order: int, *conditions: str, provider: int = 1, target: str = ""
) -> tuple[str, str]:
    tag = name.replace(" ", "_")
    return (
        box(
            tag,
            name,
            prop("msNPAction", "string", name),
            *(prop("msNPConstraint", "string", c) for c in conditions),
            prop("msNPSequence", "int", order),
        ),
        box(
            tag,
            name,
            prop("msAuthProviderType", "int", provider),
            *([prop("msAuthProviderName", "string", target)] if target else []),
        ),
    )


WINDOWS = request("Use Windows authentication for all users", 999999, ALWAYS)


def client(
    name: str,
    address: str,
    secret: str = SECRET,
    *,
    enabled: bool = True,
    signed: bool = True,
    template: str = NO_TEMPLATE,
) -> str:
    return box(
        name.replace(" ", "_"),
        name,
        prop("Client_Secret_Template_Guid", "string", template),
        prop("IP_Address", "string", address),
        prop("NAS_Manufacturer", "int", 0),
        prop("Radius_Client_Enabled", "boolean", int(enabled)),
        prop("Require_Signature", "boolean", int(signed)),
        prop("Shared_Secret", "string", secret),
    )


def group(name: str, *addresses: str) -> str:
    servers = "".join(
        box(
            f"Server_{n}",
            address,
            prop("Address", "string", address),
            prop("Shared_Secret", "string", TARGET_SECRET),
            prop("Accounting_Secret", "string", TARGET_SECRET),
        )
        for n, address in enumerate(addresses)
    )
    return f"<G name={quoteattr(name)}><Children>{servers}</Children></G>"


def document(
    *policies: tuple[str, str],
    requests: tuple[tuple[str, str], ...] = (WINDOWS,),
    clients: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> bytes:
    """The whole file."""

    def part(tag: str, inner: str) -> str:
        return f'<{tag} name="{tag}"><Children>{inner}</Children></{tag}>'

    inner = (
        part("RadiusProfiles", "".join(p for _, p in policies))
        + part("NetworkPolicy", "".join(p for p, _ in policies))
        + part("Proxy_Policies", "".join(p for p, _ in requests))
        + part("Proxy_Profiles", "".join(p for _, p in requests))
        + part("Protocols", part("Microsoft_Radius_Protocol", part("Clients", "".join(clients))))
        + part("RADIUS_Server_Groups", "".join(groups))
    )
    service = (
        '<Microsoft_Internet_Authentication_Service name="Microsoft_Internet_Authentication_Service">'
        f"<Properties><Description>NPS</Description></Properties><Children>{inner}</Children>"
        "</Microsoft_Internet_Authentication_Service>"
    )
    templates = part(
        "Shared_Secrets", box("T", "T", prop("Shared_Secret", "string", TEMPLATE_SECRET))
    )
    return (
        '<?xml version="1.0"?>\r\n<Root xmlns:dt="urn:schemas-microsoft-com:datatypes"><Children>'
        f'<Version name="Version" dt:dt="int">257</Version>{service}{part("Templates", templates)}</Children></Root>\r\n'
    ).encode()
