"""What the inventory asks of any service body comes from the right field of each, and no body inherits a field: their order is on disk."""

from __future__ import annotations

import pytest

from agent.model.bodies import KINDS
from agent.model.bodies_services import (
    ApiAbout,
    DatabaseHello,
    IppPrinter,
    LdapRootDse,
    MqttHello,
    OptionsAnswer,
    RdpHello,
    ServiceBody,
    ServiceNamed,
    SmbHello,
    SshHello,
    VncHello,
    X11Hello,
)

SAID = [
    (ServiceNamed(port=1, protocol="rpc", product="p", version="v", open=True), "rpc p v none"),
    (ServiceNamed(port=1, protocol="rpc", open=False), "rpc - - -"),
    (SshHello(port=1, identification="SSH-2.0-x"), "ssh - - -"),
    (SmbHello(port=1, product="Samba", dialect="3.1.1"), "smb Samba 3.1.1 -"),
    (RdpHello(port=1, nla_required=True), "rdp - - nla"),
    (RdpHello(port=1, nla=True), "rdp - - -"),
    (LdapRootDse(port=1, vendor="OpenLDAP", version="2"), "ldap OpenLDAP 2 -"),
    (LdapRootDse(port=1, active_directory=True), "ldap Active_Directory - -"),
    (DatabaseHello(port=1, protocol="mysql", product="p", version="v", auth="a"), "mysql p v a"),
    (VncHello(port=1, version="3.8", without_password=True), "vnc - 3.8 none"),
    (OptionsAnswer(port=1, protocol="sip", status=200, server="s"), "sip s - -"),
    (MqttHello(port=1, code=0, anonymous=True, product="p", version="v"), "mqtt p v none"),
    (IppPrinter(port=1, status=0, make_and_model="m", firmware="f"), "ipp m f -"),
    (X11Hello(port=1, open=True, vendor="x", release="r"), "x11 x r none"),
    (ApiAbout(port=1, api="docker", product="p", version="v", open=None), "docker p v -"),
]


@pytest.mark.parametrize(("body", "said"), SAID, ids=lambda x: getattr(x, "kind", ""))
def test_words_of_a_service(body: ServiceBody, said: str) -> None:
    words = (body.protocol_name, body.product_name, body.version_text, body.auth_text)
    assert " ".join(w.replace(" ", "_") or "-" for w in words) == said


def test_no_service_inherits_a_field_but_its_port() -> None:
    assert list(ServiceBody.model_fields) == ["v", "port"]


def test_the_fields_a_body_points_at_are_its_own() -> None:
    """A slip of the pen in a class variable would read nothing, and say nothing."""
    for body in KINDS.values():
        if issubclass(body, ServiceBody):
            for name in ("PROTOCOL_IN", "PRODUCT_IN", "VERSION_IN", "AUTH_IN"):
                if getattr(body, name) != getattr(ServiceBody, name):
                    assert getattr(body, name) in body.model_fields, (body, name)
            assert body.PROTOCOL or body.PROTOCOL_IN in body.model_fields, body
