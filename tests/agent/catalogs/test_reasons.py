"""Reasons in French: each sentence the product writes is known, says the same values, and a stranger's words stay as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogs.reasons import Reason, in_language, load_reasons, which
from agent.model.status import Ask
from agent.outcome import unit_outcome

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("reason", load_reasons(), ids=lambda r: r.example)
def test_each_example_is_its_own_reason_first_and_french_in_french(reason: Reason) -> None:
    assert which(reason.example) == reason
    said = in_language(reason.example, "fr")
    assert said != reason.example
    assert "%(" not in said
    assert in_language(reason.example, "en") == reason.example
    numbers = set(re.findall(r"\b\d+\b", reason.example)) - {"100", "101", "113"}
    assert numbers <= set(re.findall(r"\b\d+\b", said))


def test_reasons_within_reasons() -> None:
    limits = (
        "a limit was met: the page on port 8080 was cut at 262144 bytes, before a title, open-ports"
    )
    assert in_language(limits, "fr") == (
        "une limite a été atteinte\u00a0: la page du port 8080 a été coupée à 262144 octets, avant tout titre, "
        "trop de ports ouverts"
    )
    late = "the deadline of 60 s passed; it did not end within 5 s"
    assert in_language(late, "fr").startswith("le délai de 60 s est dépassé\u00a0; ")
    raw = "needs raw sockets: switched off with --no-raw"
    assert in_language(raw, "fr").endswith("désactivés par --no-raw")


def test_words_of_others_stay_as_they_are() -> None:
    for words in ("", "Erreur 52e", "%(why)s", "ValueError: boom", "x" * 5000, "a, b, c"):
        assert in_language(words, "fr") == words


@given(st.text(max_size=80))
def test_no_words_break_it(words: str) -> None:
    for sentence in (words, f"a limit was met: {words}", f"RawError: {words}", f"{words} ended"):
        in_language(sentence, "fr")


def test_what_the_engine_says_is_known() -> None:
    """Sentences are taken from the code that writes them, with every value in place."""
    ask = Ask(kind="k", subject=None, strength="weak", outcome="error")
    no = Ask(kind="k", subject=None, strength="weak", outcome="refused")
    told = [
        unit_outcome([ask], (), 0, None, "")[1],
        unit_outcome([no], (), 0, None, "")[1],
        unit_outcome([], ("open-ports",), 1, None, "")[1],
    ]
    assert all(which(t) for t in told), told


def literals(path: str, call: str) -> list[str]:
    """Texts given to *call* in a file, each value of an f-string as 7."""
    out: list[str] = []
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if name == call:
            out += _text(node.args[0])
    return out


def returned(path: str, function: str) -> list[str]:
    """Texts *function* of a file returns."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    out: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    parts = (
                        inner.value.elts if isinstance(inner.value, ast.Tuple) else [inner.value]
                    )
                    out += [t for p in parts for t in _text(p)]
    return [t for t in out if " " in t]


def _text(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in node.values)]
    return []


@pytest.mark.parametrize(
    "told",
    [
        *returned("agent/run.py", "missing"),
        *returned("agent/run.py", "_until"),
        *returned("agent/net/raw_port.py", "raw_available"),
        *returned("agent/net/udp.py", "may_shout"),
        *returned("agent/outcome.py", "unit_outcome"),
        *returned("agent/outcome.py", "run_outcome"),
        *literals("agent/run.py", "stop"),
        *literals("agent/net/raw_port.py", "RawError"),
        *literals("agent/net/raw_port.py", "_end"),
        *literals("scanners/tcp_ports.py", "cap"),
        *literals("scanners/services/probe.py", "cap"),
        *literals("scanners/web.py", "cap"),
        *literals("scanners/udp/heard.py", "RawError"),
        *literals("scanners/arp.py", "RawError"),
        *literals("scanners/icmp.py", "RawError"),
    ],
)
def test_every_sentence_of_the_code_has_its_french(told: str) -> None:
    assert not told or which(told), told
