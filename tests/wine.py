"""Windows' own Python under Wine, for code that only Windows runs: one prefix a session, no display, no download."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / "build" / "windows" / "python.exe"
_LIMIT_S = 180


class Wine:
    """A prefix in *folder*; made at the first call, which takes some seconds. `end` stops its server."""

    def __init__(self, folder: Path) -> None:
        self._env = {
            **os.environ,
            "WINEPREFIX": str(folder / "prefix"),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            # No question about Mono and Gecko.
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }

    def python(self, code: str, *args: str, within: Sequence[str] = ()) -> str:
        """What *code* printed; *within*: a command that runs another one elsewhere, such as `nsenter --net=...`."""
        # Pipes at both ends: Wine cannot use a plain file as standard input or output.
        done = subprocess.run(
            [*within, "wine", str(PYTHON), "-c", code, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self._env,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
        return done.stdout.decode("utf-8")

    def end(self) -> None:
        subprocess.run(["wineserver", "-k"], env=self._env, timeout=_LIMIT_S, check=False)
