"""A run sealed for the MSP (`.run.age`): whoever holds the endpoint can write it and cannot read it. Format: https://age-encryption.org/v1.

Only the public half of the MSP's key is ever on the endpoint. What was open stays beside the sealed file until the caller removes it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from agent.store.errors import RunFileError, StoreError, write_error
from agent.store.file import beside

SUFFIX = ".age"


def seal(path: Path, recipient: str) -> Path:
    """Encrypt the complete run *path* for the age public key *recipient* (`age1...`); returns the sealed file's path.

    Raises `StoreError`: no such key, no room, a run that is still open (what is in its -wal would be left out).
    """
    pyrage: Any = importlib.import_module("pyrage")  # it has no types
    if beside(path, "-wal").exists():
        raise StoreError(path, "the run is still open, or was killed", "End or resume it first.")
    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise StoreError(
            path, "the public key in msp.toml is no age key", 'It looks like "age1...".'
        ) from None
    target = path.with_name(path.name + SUFFIX)
    part = path.with_name(path.name + SUFFIX + ".new")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        pyrage.encrypt_file(str(path), str(part), [key])
        part.replace(target)
    except (OSError, pyrage.EncryptError) as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise write_error(target, error) from error
        raise StoreError(target, f"cannot be sealed ({error})", "Check free space.") from None
    return target


def unseal(path: Path, identity: str, target: Path) -> None:
    """Decrypt the sealed run *path* with the age private key *identity* to *target*, which must not exist.

    Raises `RunFileError` (another key's file, damaged), `StoreError` (cannot write). The key is in no message.
    """
    pyrage: Any = importlib.import_module("pyrage")  # it has no types
    try:
        key = pyrage.x25519.Identity.from_str(identity.strip())
    except pyrage.IdentityError:
        raise RunFileError(
            path, "the private key is no age key", 'It looks like "AGE-SECRET-KEY-1...".'
        ) from None
    part = beside(target, ".new")
    try:
        if target.exists():
            raise FileExistsError(17, "a run file is never written over", str(target))
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        pyrage.decrypt_file(str(path), str(part), [key])
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno is not None:
            raise write_error(target, error) from error
        # age found a block that is not as it was sealed; no system call failed.
        raise RunFileError(
            path, "is damaged or cut off", "Take another copy of the file."
        ) from None
    except pyrage.DecryptError as error:
        part.unlink(missing_ok=True)
        raise RunFileError(
            path, f"cannot be opened with this key ({error})", "Was it sealed for another key?"
        ) from None
