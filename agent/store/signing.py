"""The key of one session: made in memory, never written, gone with the process. Ed25519 (RFC 8032).

It ties the end of a session to its beginning. It proves nothing by itself: whoever can change the file could have made a key, too.
"""

from __future__ import annotations

import hashlib

from agent.model.base import canonical
from agent.model.run import RunHeader
from agent.model.scope import ScopeRule
from agent.store.entry import Signature


class SessionKey:
    """Shows only its public half."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.__key = Ed25519PrivateKey.generate()

    @property
    def public(self) -> str:
        """64 hexadecimal digits."""
        return self.__key.public_key().public_bytes_raw().hex()

    def sign(
        self,
        header: RunHeader,
        session: int,
        entries: int,
        counts: dict[str, int],
        plan_sha256: str,
        head: str,
    ) -> Signature:
        """What stands in the log up to entry *entries*, with hash *head*, signed."""
        bare = Signature(
            session=session,
            public_key=self.public,
            run_id=header.run_id,
            engagement=header.engagement,
            scope_sha256=scope_sha256(header.scope),
            plan_sha256=plan_sha256,
            tool_version=header.tool_version,
            catalogues_sha256=header.catalogues_sha256,
            client_toml_sha256=header.client_toml_sha256,
            mandate_sha256=header.mandate_sha256,
            entries=entries,
            counts=counts,
            head=head,
        )
        return bare.model_copy(update={"signature": self.__key.sign(bare.signed_bytes()).hex()})

    def __repr__(self) -> str:
        return f"SessionKey(public={self.public[:16]}…)"

    def __reduce__(self) -> str:
        raise TypeError("a session key never leaves its process")


def scope_sha256(scope: ScopeRule) -> str:
    """Hash of what the run was allowed to touch."""
    return hashlib.sha256(canonical(scope)).hexdigest()


def signed(signature: Signature) -> bool:
    """Was *signature* made by the key it names?"""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        key.verify(bytes.fromhex(signature.signature), signature.signed_bytes())
    except (ValueError, InvalidSignature):
        return False
    return True
