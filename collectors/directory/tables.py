"""What a directory is asked: one search a table, the attributes of each, how they are read. Attributes: [MS-ADA1], [MS-ADA2], [MS-ADA3].

No attribute that holds a secret is named here: of LAPS the expiry, of key credentials that one is there by a search for presence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collectors.directory.cells import (
    Read,
    filetime,
    free,
    generalized,
    here,
    number,
    security_id,
    span,
    text,
    yes_no,
)
from collectors.directory.client import Scope
from collectors.directory.messages import either, equal, present

Where = Literal["domain", "configuration", "schema", "dns"]


@dataclass(frozen=True)
class Column:
    name: str
    attribute: str
    read: Read


@dataclass(frozen=True)
class Several:
    """An attribute of many values: its own table, (key, value) a row."""

    table: str
    attribute: str
    read: Read


@dataclass(frozen=True)
class Asked:
    """`under`: relative to the naming context; `descriptors`: who may do what is asked too, and the columns `sd` and `readable` filled.

    `confidential`: an attribute only administrators are shown ([MS-ADTS] 3.1.1.2.3, fCONFIDENTIAL); others find none, whatever there is.
    """

    table: str
    where: Where
    query: str
    columns: tuple[Column, ...]
    several: tuple[Several, ...] = ()
    under: str = ""
    scope: Scope = 2
    descriptors: bool = False
    confidential: bool = False


def _named(*more: Column) -> tuple[Column, ...]:
    return (Column("name", "name", text), *more)


_SID = Column("sid", "objectSid", security_id)
_MADE = (
    Column("created", "whenCreated", generalized),
    Column("changed", "whenChanged", generalized),
)
_PRINCIPAL = (
    _SID,
    Column("login", "sAMAccountName", text),
    Column("description", "description", free),
    Column("admin_count", "adminCount", number),
    *_MADE,
)
_LOGON = (
    Column("uac", "userAccountControl", number),
    Column("primary_group", "primaryGroupID", number),
    Column("password_set", "pwdLastSet", filetime),
    Column("last_logon", "lastLogonTimestamp", filetime),
    Column("expires", "accountExpires", filetime),
    Column("dial_in", "msNPAllowDialin", yes_no),
    Column("encryption", "msDS-SupportedEncryptionTypes", number),
)
_DELEGATION = (
    Several("spns", "servicePrincipalName", text),
    Several("delegation", "msDS-AllowedToDelegateTo", text),
    Several("sid_history", "sIDHistory", security_id),
)
USERS = Asked(
    "users",
    "domain",
    equal("sAMAccountType", "805306368"),
    (
        *_PRINCIPAL,
        *_LOGON,
        Column("upn", "userPrincipalName", text),
        Column("display", "displayName", free),
        Column("mail", "mail", text),
        Column("phone", "telephoneNumber", text),
        Column("mobile", "mobile", text),
        Column("company", "company", text),
        Column("script", "scriptPath", text),
        Column("home", "homeDirectory", text),
        Column("workstations", "userWorkstations", text),
        Column("callback", "msRADIUSCallbackNumber", text),
        Column("radius_ip", "msRADIUSFramedIPAddress", number),
    ),
    _DELEGATION,
    descriptors=True,
)
COMPUTERS = Asked(
    "computers",
    "domain",
    equal("sAMAccountType", "805306369"),
    (
        *_PRINCIPAL,
        *_LOGON,
        Column("dns", "dNSHostName", text),
        Column("system", "operatingSystem", text),
        Column("version", "operatingSystemVersion", text),
        Column("managed_by", "managedBy", text),
        Column("class", "objectCategory", text),
        Column("laps", "ms-Mcs-AdmPwdExpirationTime", here),
        Column("new_laps", "msLAPS-PasswordExpirationTime", here),
        Column("acts_for", "msDS-AllowedToActOnBehalfOfOtherIdentity", here),
        Column("creator", "mS-DS-CreatorSID", security_id),
    ),
    _DELEGATION,
    descriptors=True,
)
GROUPS = Asked(
    "groups",
    "domain",
    either(
        *(equal("sAMAccountType", t) for t in ("268435456", "536870912", "268435457", "536870913"))
    ),
    (*_PRINCIPAL, Column("type", "groupType", number), Column("managed_by", "managedBy", text)),
    (Several("sid_history", "sIDHistory", security_id),),
    descriptors=True,
)
FOREIGN = Asked(
    "foreign", "domain", equal("objectClass", "foreignSecurityPrincipal"), (_SID, *_named())
)
DIRECTORY: tuple[Asked, ...] = (
    Asked(
        "policy",
        "domain",
        present("objectClass"),
        (
            _SID,
            Column("created", "whenCreated", generalized),
            Column("level", "msDS-Behavior-Version", number),
            Column("machine_quota", "ms-DS-MachineAccountQuota", number),
            Column("min_length", "minPwdLength", number),
            Column("history", "pwdHistoryLength", number),
            Column("properties", "pwdProperties", number),
            Column("max_age_s", "maxPwdAge", span),
            Column("lockout", "lockoutThreshold", number),
            Column("lockout_s", "lockoutDuration", span),
            Column("links", "gPLink", text),
        ),
        scope=0,
        descriptors=True,
    ),
    USERS,
    COMPUTERS,
    FOREIGN,
    GROUPS,
    Asked(
        "clear_passwords",
        "domain",
        # Found by presence: the value never leaves the controller.
        either(present("unixUserPassword"), present("userPassword")),
        (_SID,),
        confidential=True,
    ),
    Asked("key_credentials", "domain", present("msDS-KeyCredentialLink"), (_SID,)),
    Asked(
        "psos",
        "domain",
        equal("objectClass", "msDS-PasswordSettings"),
        _named(
            Column("precedence", "msDS-PasswordSettingsPrecedence", number),
            Column("min_length", "msDS-MinimumPasswordLength", number),
            Column("lockout", "msDS-LockoutThreshold", number),
            Column("reversible", "msDS-PasswordReversibleEncryptionEnabled", yes_no),
        ),
        (Several("pso_applies", "msDS-PSOAppliesTo", text),),
    ),
    Asked(
        "units",
        "domain",
        equal("objectClass", "organizationalUnit"),
        _named(Column("links", "gPLink", text), Column("options", "gPOptions", number), *_MADE),
        descriptors=True,
    ),
    Asked(
        "policies",
        "domain",
        equal("objectClass", "groupPolicyContainer"),
        _named(
            Column("display", "displayName", free),
            Column("path", "gPCFileSysPath", text),
            Column("flags", "flags", number),
            Column("version", "versionNumber", number),
            Column("filter", "gPCWQLFilter", text),
            *_MADE,
        ),
        descriptors=True,
    ),
    Asked(
        "packages",
        "domain",
        equal("objectClass", "packageRegistration"),
        _named(Column("display", "displayName", free), Column("file", "msiFileList", text)),
    ),
    Asked(
        "trusts",
        "domain",
        equal("objectClass", "trustedDomain"),
        (
            Column("partner", "trustPartner", text),
            Column("flat", "flatName", text),
            Column("type", "trustType", number),
            Column("direction", "trustDirection", number),
            Column("attributes", "trustAttributes", number),
            Column("sid", "securityIdentifier", security_id),
            Column("encryption", "msDS-SupportedEncryptionTypes", number),
            *_MADE,
        ),
    ),
    Asked(
        "holder",
        "domain",
        equal("cn", "AdminSDHolder"),
        _named(),
        under="CN=System",
        scope=1,
        descriptors=True,
    ),
    Asked(
        "points",
        "domain",
        either(
            *(
                equal("objectClass", c)
                for c in (
                    "rRASAdministrationConnectionPoint",
                    "serviceConnectionPoint",
                    "printQueue",
                )
            )
        ),
        _named(Column("class", "objectClass", text), *_MADE),
    ),
    Asked(
        "sites",
        "configuration",
        equal("objectClass", "site"),
        _named(Column("description", "description", free)),
    ),
    Asked(
        "subnets",
        "configuration",
        equal("objectClass", "subnet"),
        _named(Column("site", "siteObject", text), Column("location", "location", free)),
    ),
    Asked("controllers", "configuration", equal("objectClass", "nTDSDSA"), _named(*_MADE)),
    Asked(
        "dhcp",
        "configuration",
        equal("objectClass", "dHCPClass"),
        _named(Column("servers", "dhcpServers", text)),
        under="CN=NetServices,CN=Services",
    ),
    Asked(
        "authorities",
        "configuration",
        equal("objectClass", "pKIEnrollmentService"),
        _named(Column("host", "dNSHostName", text)),
        (Several("published", "certificateTemplates", text),),
        under="CN=Public Key Services,CN=Services",
    ),
    Asked(
        "templates",
        "configuration",
        equal("objectClass", "pKICertificateTemplate"),
        _named(
            Column("flags", "msPKI-Certificate-Name-Flag", number),
            Column("enrolment", "msPKI-Enrollment-Flag", number),
            Column("signatures", "msPKI-RA-Signature", number),
        ),
        (Several("template_uses", "pKIExtendedKeyUsage", text),),
        under="CN=Public Key Services,CN=Services",
        descriptors=True,
    ),
    Asked(
        "heuristics",
        "configuration",
        present("objectClass"),
        _named(Column("value", "dSHeuristics", text)),
        under="CN=Directory Service,CN=Windows NT,CN=Services",
        scope=0,
    ),
    Asked(
        "features",
        "configuration",
        present("objectClass"),
        _named(),
        (Several("enabled_features", "msDS-EnabledFeature", text),),
        under="CN=Partitions",
        scope=0,
    ),
    Asked(
        "schema_marks",
        "schema",
        either(
            *(
                equal("lDAPDisplayName", a)
                for a in (
                    "ms-Mcs-AdmPwd",
                    "msLAPS-Password",
                    "msExchVersion",
                    "msDS-KeyCredentialLink",
                )
            )
        ),
        (Column("attribute", "lDAPDisplayName", text),),
        scope=1,
    ),
    Asked("zones", "dns", equal("objectClass", "dnsZone"), _named()),
)
ZONE_RECORDS = Asked("records", "dns", equal("objectClass", "dnsNode"), _named())
