"""What only WMI tells: subscriptions, the security centre, Defender, BitLocker. Asked once, by one script that only reads, of PowerShell.

The script writes JSON; each part that failed holds its error, so that "none" and "could not look" stay apart.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.wanted import Wanted

SECONDS = 50.0
MOST_BYTES = 4_000_000
SCRIPT = r"""
$ErrorActionPreference = 'Stop'
[Console]::OutputEncoding = [System.Text.Encoding]::UTF8
function Part($block) { try { @{ rows = @(& $block) } } catch { @{ error = $_.Exception.GetType().Name } } }
$out = @{}
$out.consumers = Part { Get-CimInstance -Namespace root/subscription -ClassName __EventConsumer |
  ForEach-Object { @{ class = $_.CimClass.CimClassName; name = $_.Name; program = $_.ExecutablePath;
    command = $_.CommandLineTemplate; file = $_.ScriptFileName } } }
$out.centre = Part { Get-CimInstance -Namespace root/SecurityCenter2 -ClassName AntiVirusProduct |
  ForEach-Object { @{ name = $_.displayName; state = $_.productState; path = $_.pathToSignedReportingExe; at = $_.timestamp } } }
$out.defender = Part { Get-CimInstance -Namespace root/Microsoft/Windows/Defender -ClassName MSFT_MpComputerStatus |
  ForEach-Object { @{ mode = $_.AMRunningMode; on = $_.RealTimeProtectionEnabled; 
    at = $_.AntivirusSignatureLastUpdated.ToString('yyyy-MM-dd') } } }
$out.volumes = Part { Get-CimInstance -Namespace root/CIMV2/Security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume |
  ForEach-Object { @{ drive = $_.DriveLetter; state = $_.ProtectionStatus } } }
ConvertTo-Json -Compress -Depth 4 $out
"""
"""CIM classes: Microsoft Learn, "__EventConsumer", "MSFT_MpComputerStatus", "Win32_EncryptableVolume"."""
_POWERSHELL = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
_NEEDED = frozenset(
    {"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "PROGRAMDATA"}
    | {"PROGRAMFILES", "COMMONPROGRAMFILES", "ALLUSERSPROFILE", "PROCESSOR_ARCHITECTURE"}
)
_PROTECTION = {0: "off", 1: "on", 2: "locked"}


class Asked:
    """The answer, asked for when it is first needed."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._answer: dict[str, Any] | None = None

    def part(self, name: str) -> list[dict[str, Any]]:
        """Rows of one part. Raises `CannotRead` where it, or the whole, could not be asked."""
        if self._answer is None:
            self._answer = answer(_ask())
        return rows(self._answer, name)

    def wmi_subscriptions(self) -> Source:
        def source(views: Views) -> Iterator[Row]:
            for row in self.part("consumers"):
                line = " ".join(str(row.get(k) or "") for k in ("program", "command", "file"))
                name = f"{row.get('class') or ''} {row.get('name') or ''}".strip()
                yield (name, redact(line.strip(), self._wanted.kept))

        return source

    def protection(self) -> Source:
        def source(views: Views) -> Iterator[Row]:
            try:
                for row in self.part("centre"):
                    state, fresh = centre_state(row.get("state"))
                    name = str(row.get("name") or "")
                    yield ("antivirus", name, state, fresh, "security centre")
            except CannotRead as problem:
                # A server has no security centre.
                views.miss("security centre", problem)
            for row in self.part("defender"):
                mode = str(row.get("mode") or "").lower()
                on = "on" if row.get("on") else "off"
                state = "passive" if "passive" in mode or "edr" in mode else on
                yield (
                    "antivirus",
                    "Microsoft Defender",
                    state,
                    str(row.get("at") or ""),
                    "defender",
                )

        return source

    def encryption(self, views: Views) -> dict[str, str]:
        """Drive -> on, off, locked."""
        try:
            found = self.part("volumes")
        except CannotRead as problem:
            views.miss("encryption", problem)
            return {}
        return {
            str(row["drive"]): _PROTECTION.get(row.get("state", -1), "unknown")
            for row in found
            if row.get("drive")
        }


def _ask() -> bytes:
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            [_POWERSHELL, "-NoProfile", "-NonInteractive", "-Command", "-"],
            input=SCRIPT.encode(),
            capture_output=True,
            timeout=SECONDS,
            creationflags=flags,
            # What PowerShell needs to begin; secrets of accounts may stand in the rest.
            env={k: v for k, v in os.environ.items() if k.upper() in _NEEDED},
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotRead(f"PowerShell could not be asked: {type(error).__name__}") from None
    return done.stdout[:MOST_BYTES]


def answer(data: bytes) -> dict[str, Any]:
    """The script's JSON. Raises `CannotRead`."""
    try:
        told: Any = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise CannotRead("PowerShell gave no answer that can be read") from None
    if not isinstance(told, dict):
        raise CannotRead("PowerShell gave no answer that can be read")
    return told


def rows(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Rows of the part *name*. Raises `CannotRead`."""
    part = told.get(name)
    found = part.get("rows") if isinstance(part, dict) else None
    if isinstance(found, dict):
        # One row is no list to ConvertTo-Json of PowerShell 5.
        found = [found]
    if not isinstance(found, list):
        why = part.get("error") if isinstance(part, dict) else None
        raise CannotRead(f"{name}: {str(why or 'no answer')[:100]}", why == "CimException")
    return [r for r in found if isinstance(r, dict)]


def centre_state(value: Any) -> tuple[str, str]:
    """(state, how old its signatures are) of `productState`: the second byte tells on (0x10) or off, the third 0x10 for outdated."""
    if not isinstance(value, int):
        return "unknown", ""
    on = value >> 12 & 0xF
    return ("on" if on == 1 else "off" if on in (0, 2) else "unknown"), (
        "outdated" if value & 0xFF == 0x10 else ""
    )
