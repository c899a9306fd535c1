"""`Problem`: what is wrong with a run file, where (entry, page, raw answer), in English and in French."""

from __future__ import annotations

from typing import Literal

from agent.model.base import M

Code = Literal[
    "page-damaged",
    "file-damaged",
    "entry-unreadable",
    "entry-missing",
    "entry-chain",
    "entry-value",
    "entry-form",
    "value-missing",
    "value-kept",
    "value-stray",
    "blob-changed",
    "blob-missing",
    "blob-stray",
    "log-empty",
    "log-cut",
    "header-misplaced",
    "session-broken",
    "signature-false",
    "signature-claims",
    "signature-missing",
    "head-unknown",
    "head-not-last",
    "head-unreadable",
]

TEXTS: dict[Code, tuple[str, str]] = {
    "page-damaged": (
        "page {page} of the file is damaged: {detail}",
        "la page {page} du fichier est endommagée : {detail}",
    ),
    "file-damaged": (
        "the structure of the file is damaged: {detail}",
        "la structure du fichier est endommagée : {detail}",
    ),
    "entry-unreadable": ("entry {entry} cannot be read", "l'entrée {entry} est illisible"),
    "entry-missing": (
        "entries {entry} to {last} are missing",
        "les entrées {entry} à {last} manquent",
    ),
    "entry-chain": (
        "entry {entry} does not fit the chain: it was changed, moved or put in",
        "l'entrée {entry} ne s'enchaîne pas : elle a été modifiée, déplacée ou ajoutée",
    ),
    "entry-value": (
        "the content of entry {entry} is not what was recorded",
        "le contenu de l'entrée {entry} n'est pas celui qui a été consigné",
    ),
    "entry-form": (
        "entry {entry} does not have the form of a {kind} entry",
        "l'entrée {entry} n'a pas la forme d'une entrée « {kind} »",
    ),
    "value-missing": (
        "the content of entry {entry} is gone, and no erasure on record explains it",
        "le contenu de l'entrée {entry} a disparu sans qu'aucun effacement consigné l'explique",
    ),
    "value-kept": (
        "entry {entry} is on record as erased, yet its content is there",
        "l'entrée {entry} est consignée comme effacée, mais son contenu est présent",
    ),
    "value-stray": (
        "there is content for entry {entry}, which is not in the log",
        "un contenu existe pour l'entrée {entry}, absente du journal",
    ),
    "blob-changed": (
        "raw answer {blob} is not what was recorded (entry {entry})",
        "la réponse brute {blob} n'est pas celle qui a été consignée (entrée {entry})",
    ),
    "blob-missing": (
        "raw answer {blob} of entry {entry} is missing",
        "la réponse brute {blob} de l'entrée {entry} manque",
    ),
    "blob-stray": (
        "raw answer {blob} belongs to no entry",
        "la réponse brute {blob} n'appartient à aucune entrée",
    ),
    "log-empty": ("the log holds no entry", "le journal ne contient aucune entrée"),
    "log-cut": (
        "nothing can be read from entry {entry} on",
        "rien n'est lisible à partir de l'entrée {entry}",
    ),
    "header-misplaced": (
        "entry {entry}: a run has one header, and it is its first entry",
        "entrée {entry} : une exécution a un seul en-tête, et c'est sa première entrée",
    ),
    "session-broken": (
        "the session opened at entry {entry} does not follow from the one before",
        "la session ouverte à l'entrée {entry} ne fait pas suite à la précédente",
    ),
    "signature-false": (
        "the signature in entry {entry} was not made by the key of its session",
        "la signature de l'entrée {entry} n'a pas été faite par la clé de sa session",
    ),
    "signature-claims": (
        "the signature in entry {entry} speaks of another content ({detail})",
        "la signature de l'entrée {entry} porte sur un autre contenu ({detail})",
    ),
    "signature-missing": (
        "the last entry ({entry}) is no signature: the run was killed, still runs, or its end was cut off",
        "la dernière entrée ({entry}) n'est pas une signature : l'exécution a été interrompue, dure encore, "
        "ou sa fin a été coupée",
    ),
    "head-unknown": (
        "none of the heads noted outside is in this file",
        "aucune des empreintes finales notées à l'extérieur ne figure dans ce fichier",
    ),
    "head-not-last": (
        "the head noted outside is that of entry {entry}: what follows it is vouched for by nobody",
        "l'empreinte notée à l'extérieur est celle de l'entrée {entry} : rien ne garantit la suite",
    ),
    "head-unreadable": (
        "a head noted outside cannot be read: {detail}",
        "une empreinte notée à l'extérieur est illisible : {detail}",
    ),
}


class Problem(M):
    """`entry`: number in the log, from 1; `page`: SQLite page, from 1; `blob`: SHA-256 of a raw answer."""

    code: Code
    entry: int | None = None
    last: int | None = None
    page: int | None = None
    blob: str | None = None
    kind: str = ""
    detail: str = ""

    def text(self, lang: Literal["en", "fr"] = "en") -> str:
        """The problem as a sentence."""
        return TEXTS[self.code][lang == "fr"].format(**self.model_dump())

    @property
    def named(self) -> bool:
        """It says which entry, page or raw answer."""
        return self.entry is not None or self.page is not None or self.blob is not None
