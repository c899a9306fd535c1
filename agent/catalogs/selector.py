"""Which members an evidence item has a line for: the small language of `subjects` in the checklist.

`asset` (every asset) · `asset:class=printer|nas` · `account:KIND|KIND` · `service:PROTOCOL|PROTOCOL` · `site` · `domain` · `subnet`.
Classes and account kinds are closed lists: a misspelt one would select nothing and look like "none here".
"""

from __future__ import annotations

import re
from typing import Literal, Self

from agent.model.asset import DEVICE_CLASSES
from agent.model.base import M

SubjectKind = Literal["asset", "account", "service", "site", "domain", "subnet"]
ACCOUNT_KINDS: tuple[str, ...] = (
    "user",  # belongs to a person
    "service",  # runs a program
    "unowned",  # nobody of the client owns it
    "leaver",  # its person is not on the staff list any more
    "administrator",  # administers a server, device, cloud tenant or application
    "domain_admin",  # effective member of a privileged group of the directory
    "builtin_administrator",  # RID 500 of a domain or of a machine
    "sql_service",  # runs a SQL Server instance
    "sharepoint_farm",
    "sharepoint_managed",
    "rras",  # may dial in
    "nps",  # let in by a network policy
    "rd_gateway",  # let in by a connection policy
    "vpn",  # user or peer of a VPN of the firewall or an appliance
    "antivirus_console",
    "portal",  # log-in of a web portal
    "remote_support",  # log-in of a remote-support program
    "former_provider",  # attributed to a former provider
)


class Selector(M):
    """Parsed `subjects`. An empty `names` takes every member; else device classes, account kinds or protocols, any of them."""

    kind: SubjectKind
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `ValueError` on an unknown kind, device class or account kind."""
        kind, colon, rest = text.partition(":")
        if kind == "asset" and colon:
            key, _, rest = rest.partition("=")
            if key != "class":
                raise ValueError(f"assets are selected by class, not by {key!r}: {text!r}")
        names = tuple(rest.split("|")) if colon else ()
        if kind in ("site", "domain", "subnet", "asset") and not colon:
            return cls.model_validate({"kind": kind})
        known = {"asset": DEVICE_CLASSES, "account": ACCOUNT_KINDS}.get(kind)
        if known is None and kind != "service":
            raise ValueError(f"no such selector: {text!r}")
        for name in names or ("",):
            if name not in known if known else not re.fullmatch(r"[a-z0-9_-]+", name):
                raise ValueError(f"unknown {kind} {name!r} in {text!r}")
        if len(set(names)) != len(names):
            raise ValueError(f"named twice in {text!r}")
        return cls.model_validate({"kind": kind, "names": names})

    def takes(self, name: str) -> bool:
        """Whether a member of this device class, account kind or protocol has a line."""
        return not self.names or name in self.names
