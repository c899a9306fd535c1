"""What the machine gives to others: shares of Samba and NFS (smb.conf(5), exports(5)), printers of CUPS (printers.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.endpoint.redact import url_without_user
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree


def shares(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        for file, read in (("/etc/samba/smb.conf", samba), ("/etc/exports", exports)):
            if tree.exists(file):
                try:
                    yield from read(tree.text(file))
                except OSError as problem:
                    views.miss(file, problem)

    return source


def samba(text: str) -> Iterator[Row]:
    name, path, comment = "", "", ""
    for line in [*text.splitlines(), "[end]"]:
        line = line.strip()
        if line[:1] in "#;":
            continue
        if section := re.fullmatch(r"\[([^\]]{1,200})\]", line):
            if name and name.lower() not in ("global", "printers", "print$"):
                yield (name, path, comment)
            name, path, comment = section[1], "", ""
        key, _, value = line.partition("=")
        if key.strip().lower() == "path":
            path = value.strip()
        elif key.strip().lower() == "comment":
            comment = value.strip()


def exports(text: str) -> Iterator[Row]:
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words:
            yield (words[0], words[0], "NFS")


def printers(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        file = "/etc/cups/printers.conf"
        if tree.exists(file):
            yield from cups(tree.text(file))

    return source


def cups(text: str) -> Iterator[Row]:
    name, uri, model = "", "", ""
    for line in text.splitlines():
        if hit := re.match(r"<(?:Default)?Printer ([^>]{1,200})>", line):
            name, uri, model = hit[1], "", ""
        elif line.startswith("DeviceURI "):
            # A printer's address may carry a user and password.
            uri = url_without_user(line[10:].strip()).split("?")[0]
        elif line.startswith("MakeModel "):
            model = line[10:].strip()
        elif line.startswith("</Printer>") and name:
            yield (name, uri, model)
