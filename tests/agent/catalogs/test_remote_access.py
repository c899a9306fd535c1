"""The catalogue of remote-access products: every pattern is shown to fit something, nothing of it fits what any machine has."""

from __future__ import annotations

import re
import time
from importlib.resources import files

import pytest
from pydantic import ValidationError

from agent.catalogs.remote_access import (
    KINDS,
    Identifier,
    Kind,
    Tool,
    named,
    normal_path,
    public_keys,
    tools,
)

STOCK = files("fixtures") / "stock"
LISTS = [
    f"{name}.txt"
    for name in ("windows_services", "windows_processes", "windows_packages", "linux_units")
    + ("linux_processes", "macos_launchd", "macos_processes")
]
KIND_OF: dict[str, Kind] = {
    "services": "service",
    "processes": "process",
    "packages": "package",
    "units": "unit",
    "launchd": "launchd",
}


def split(example: str) -> tuple[Kind, str]:
    kind, _, text = example.partition(" ")
    assert kind in KINDS, example
    return next(k for k in KINDS if k == kind), text


def test_it_holds_what_it_should() -> None:
    assert len(tools()) >= 64
    assert len({t.id for t in tools()}) == len(tools())
    assert {t.category for t in tools()} == {"rmm", "remote_access", "vpn_mesh", "psa_agent"}


@pytest.mark.parametrize("tool", tools(), ids=lambda t: t.id)
def test_every_pattern_fits_an_example_and_no_counter_example(tool: Tool) -> None:
    examples = [split(e) for e in tool.examples]
    for kind, text in examples:
        assert tool.fits(kind, normal_path(text) if kind == "path" else text), (kind, text)
        assert tool in [t for t, _ in named(kind, text)]
    for kind in KINDS:
        for pattern in tool.patterns(kind):
            plain = re.compile(pattern.removeprefix("~"), re.IGNORECASE)
            assert any(k == kind and plain.fullmatch(t) for k, t in examples), (kind, pattern)
    for kind, text in map(split, tool.not_examples):
        assert not list(named(kind, text)) or tool not in [t for t, _ in named(kind, text)], text
        assert not tool.fits(kind, text), (kind, text)


@pytest.mark.parametrize("name", LISTS)
def test_nothing_that_comes_with_a_system_is_a_sign(name: str) -> None:
    """Stock names of Windows 10, 11 and Server, Debian, Ubuntu and macOS, and the traps other lists fell into."""
    kind = KIND_OF[name.removesuffix(".txt").split("_")[1]]
    lines = (STOCK / name).read_text("utf-8").splitlines()
    texts = [line for line in lines if line and not line.startswith("#")]
    assert len(texts) >= 20
    false = {t: [tool.id for tool, strong in named(kind, t) if strong] for t in texts}
    assert {t: ids for t, ids in false.items() if ids} == {}


def test_no_secret_can_be_asked_for() -> None:
    assert {"IntegratorLogin", "MeshServer", "shop_subdomain"} <= public_keys()
    for key in ("Token", "Password", "ServerPassword", "RmmCode", "ad.anynet.pwd_hash"):
        assert key not in public_keys()
        with pytest.raises(ValidationError):
            Identifier.model_validate(
                {"on": "value", "key": key, "as": "instance", "clue": "ids", "means": "x"}
            )


def test_domains_are_whole_labels() -> None:
    screenconnect = next(t for t in tools() if t.id == "screenconnect")
    assert screenconnect.asked("instance-ab12cd-relay.screenconnect.com.")
    assert not screenconnect.asked("screenconnect.com.evil.example")
    assert not screenconnect.asked("notscreenconnect.com")


def test_no_pattern_takes_long_over_a_hostile_name() -> None:
    hostile = [
        "A" * 4000,
        "ScreenConnect Client (" + "0" * 4000,
        "/Program Files/" * 300,
        "-" * 4000,
    ]
    start = time.process_time()
    for kind in KINDS:
        for text in hostile:
            list(named(kind, text))
            for tool in tools():
                tool.fits(kind, text)
                for identifier in tool.identifiers:
                    if identifier.pattern:
                        identifier.regex.search(text)
    # A bound against patterns that take minutes, not a measurement.
    assert time.process_time() - start < 20
