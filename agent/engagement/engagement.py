"""`Engagement`: the folder of one client, read and checked: client.toml, msp.toml, answers.toml, the id key, the mandate's hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from agent.engagement.answers import load_answers
from agent.engagement.client_file import ClientFile, Site
from agent.engagement.cross_check import cross_check
from agent.engagement.key import engagement_key
from agent.engagement.msp_file import MspFile, msp_path
from agent.engagement.problems import EngagementError as EngagementError
from agent.engagement.problems import Problem, Refusal
from agent.engagement.toml_source import TomlFile, read_toml
from agent.engagement.words import parse
from agent.model.answers import Answers
from agent.model.base import canonical, hash_id
from agent.model.judged import EngagementFacts

CLIENT = "client.toml"


@dataclass(frozen=True)
class Engagement:
    """Frozen at the time of reading. `mandate_sha256` is of the signed document, or of the [mandate] table where there is none.

    `msp_found` is False when msp.toml is neither named nor at its usual place: then nobody is known as "us".
    """

    folder: Path
    client: ClientFile
    msp: MspFile
    msp_found: bool
    answers: Answers
    key: bytes = field(repr=False)
    client_sha256: str
    mandate_sha256: str

    @property
    def id(self) -> str:
        return hash_id("engagement", key=self.key)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def endpoints(self) -> Path:
        return self.folder / "endpoints"

    @property
    def imports(self) -> Path:
        return self.folder / "imports"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def quiet(self) -> bool:
        """The former provider is not to notice: low rates, nothing that appears in his consoles."""
        return not self.client.takeover.former_knows

    def facts(self) -> EngagementFacts:
        """What the people wrote, for the judgement and the reports."""
        from agent.engagement.facts import facts

        return facts(self)

    def client_flat(self) -> dict[str, str]:
        """client.toml as dotted path -> text, for prefilled answers."""
        from agent.engagement.facts import client_flat

        return client_flat(self)

    def site(self, site_id: str | None) -> Site:
        """The site *site_id*, or the only one there is when it is None. Raises `Refusal` (2)."""
        sites = self.client.site
        names = ", ".join(s.id for s in sites)
        if not sites:
            raise Refusal(
                2, "client.toml has no [[site]]", 'add [[site]] with id = "..." and networks'
            )
        if site_id is None and len(sites) > 1:
            raise Refusal(2, f"this engagement has several sites: {names}", "say --site ID")
        for site in sites:
            if site_id in (None, site.id):
                return site
        raise Refusal(2, f"there is no site of that name; there are: {names}", "say --site ID")


def load_engagement(folder: Path) -> Engagement:
    """Read and check the engagement in *folder*. Raises `EngagementError` with all mistakes of all its files."""
    folder = folder.absolute()
    if not folder.is_dir():
        cause = "is not a folder" if folder.exists() else "there is no such folder"
        raise EngagementError([Problem(str(folder), cause, example=f"handover init {folder.name}")])
    problems: list[Problem] = []
    file: TomlFile | None = None
    client: ClientFile | None = None
    try:
        file = read_toml(folder / CLIENT, example=f"handover init {folder.name}")
        client = parse(ClientFile, file, cross_check(file, folder))
    except EngagementError as error:
        problems += error.problems
    msp, found = MspFile(), False
    try:
        named = file.data.get("msp", "") if file else ""
        msp, found = _load_msp(folder, named if isinstance(named, str) else "")
    except EngagementError as error:
        problems += error.problems
    answers = Answers()
    try:
        answers = load_answers(folder)
    except EngagementError as error:
        problems += error.problems
    if problems or client is None or file is None:
        raise EngagementError(problems)
    return Engagement(
        folder=folder,
        client=client,
        msp=msp,
        msp_found=found,
        answers=answers,
        key=engagement_key(folder),
        client_sha256=file.sha256,
        mandate_sha256=_mandate_sha256(folder, client),
    )


def _load_msp(folder: Path, named: str) -> tuple[MspFile, bool]:
    path = msp_path(folder, named)
    if not named and not path.exists():
        return MspFile(), False
    return parse(MspFile, read_toml(path, example='name = "Your MSP"')), True


def _mandate_sha256(folder: Path, client: ClientFile) -> str:
    mandate = client.mandate
    if not mandate.document:
        return hashlib.sha256(canonical(mandate)).hexdigest()
    try:
        with (folder / mandate.document).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        cause = f"the signed document cannot be read: {error.strerror}"
        raise EngagementError([Problem(CLIENT, cause, "mandate.document")]) from None
