"""Who may import whom: by longest prefix, over every import of every file, wherever in the file it stands. An unlisted module fails.

docs/architecture.md says why. Two rules beside the table: a library that opens sockets of its own is loaded in its one place, and what
catches every exception is in one place too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("agent", "scanners", "collectors", "reports", "fixtures", "tests")
ANY = OURS[:-1]
ENGINE = (
    "agent.clock",
    "agent.context",
    "agent.contract",
    "agent.counting",
    "agent.emitter",
    "agent.model",
)
PROBE = ("agent.model", "agent.contract", "agent.catalogs", "agent.net.interfaces")

MAY: dict[str, tuple[str, ...]] = {
    "agent": (),
    # The values, and what speaks of nothing but values.
    "agent.model": ("agent.model",),
    "agent.catalogs": ("agent.catalogs", "agent.model"),
    "agent.contract": ("agent.model",),
    "agent.material": ("agent.model",),
    "agent.clock": (),
    "agent.stopping": (),
    "agent.told": (),
    # The engine knows probes by their contract only.
    "agent.context": ("agent.contract", "agent.model"),
    "agent.care": ("agent.catalogs", "agent.inventory", "agent.model"),
    "agent.counting": ("agent.contract",),
    "agent.emitter": ("agent.clock", "agent.contract", "agent.counting", "agent.model"),
    "agent.outcome": ("agent.contract", "agent.model"),
    "agent.run": (*ENGINE, "agent.outcome"),
    "agent.progress": ("agent.model", "agent.run"),
    "agent.net": ("agent.net", "agent.contract", "agent.model", "agent.store.failpoint"),
    "agent.store": ("agent.store", "agent.model", "agent.told"),
    "agent.registry": ("agent.contract", "scanners", "collectors"),
    "agent.credentials": ("agent.contract", "agent.engagement", "agent.own_host", "agent.told"),
    "agent.own_host": ("agent.catalogs", "agent.engagement", "agent.model"),
    "agent.engagement": (
        "agent.engagement",
        "agent.catalogs",
        "agent.net.rates",
        "agent.credentials",
        "agent.net.interfaces",
        "agent.own_host",
        "agent.told",
        "agent.run",
        *ENGINE,
    ),
    # Pure: from what was stored to what is said.
    "agent.inventory": ("agent.inventory", "agent.catalogs", "agent.material", "agent.model"),
    "agent.judgement": (
        "agent.care",
        "agent.judgement",
        "agent.inventory",
        "agent.catalogs",
        "agent.material",
        "agent.model",
    ),
    "reports": ("reports", "agent.model", "agent.catalogs"),
    # Where everything is put together.
    "agent.load_material": ANY,
    "agent.perform": ANY,
    "agent.opening": ANY,
    "agent.imports": ANY,
    "agent.commands": ANY,
    "agent.cli": ("agent.told",),
    "agent.__main__": ("agent.cli",),
    # Probes, and the programs that are apart.
    "scanners": (*PROBE, "scanners"),
    "collectors": (*PROBE, "collectors", "scanners"),
    # Windows' own tables of interfaces: standard library only, as all of that collector.
    "collectors.endpoint": (*PROBE, "agent.net.windows_tables", "collectors.endpoint"),
    "scanners.raw_helper": ("agent.model", "scanners.raw_helper"),
    "scanners.nmap_helper": ("agent.model", "scanners.nmap_helper"),
    # The lab is the other side of the wire: it must not know the product.
    "fixtures": ("fixtures",),
    # What a device is to tell stands in the forms of the collector; that these are right is shown by real agents (tests/collectors/snmp).
    "fixtures.lab.snmp": (
        "fixtures",
        "agent.model",
        "collectors.snmp.rounds",
        "collectors.snmp.tables",
    ),
    "fixtures.networks": ("fixtures.networks", "agent.material", "agent.model"),
    "tests": OURS,
}
ONLY_IN: dict[str, tuple[str, ...]] = {
    "scapy": ("scanners.raw_helper",),
    "nmap": ("scanners.nmap_helper",),
    "netmiko": ("collectors", "scanners"),
    "ldap3": ("collectors", "scanners"),
    "pysnmp": ("collectors", "scanners"),
}
BLIND = "agent.run"


def files() -> Iterator[tuple[str, Path]]:
    for top in OURS:
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


FILES = dict(files())


def inside(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


def rule(module: str) -> str | None:
    """The longest listed prefix; a package that lists its parts one by one does not stand for those it leaves out."""
    found = max((p for p in MAY if inside(module, p)), key=len, default=None)
    return None if found == "agent" != module else found


def imported(module: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: say where from"
            base = node.module or ""
            # `from package import module` imports the module.
            yield from (
                full if (full := f"{base}.{name.name}") in FILES else base for name in node.names
            )


def trespasses(module: str, source: str) -> list[str]:
    """What *module* imports and may not."""
    found: list[str] = []
    mine = rule(module)
    if mine is None:
        return [f"{module} is in no layer: list it in {Path(__file__).name}"]
    for name in imported(module, ast.parse(source)):
        top = name.split(".")[0]
        if top in OURS and not any(inside(name, allowed) for allowed in MAY[mine]):
            found.append(f"{module} ({mine}) may not import {name}")
        if top in ONLY_IN and mine != "tests" and not any(inside(module, p) for p in ONLY_IN[top]):
            found.append(f"{module} may not load {top}")
    return found


@pytest.mark.parametrize("module", FILES)
def test_layers(module: str) -> None:
    assert not trespasses(module, FILES[module].read_text("utf-8"))


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("agent.new", "", "no layer"),
        ("newcomer.file", "", "no layer"),
        ("agent.model.asset", "import agent.contract", "agent.contract"),
        ("scanners.arp", "from agent.store import log", "agent.store"),
        ("scanners.arp", "from agent.net.dialer import LiveDialer", "agent.net.dialer"),
        ("scanners.arp", "def f():\n    import scapy.layers.l2", "scapy"),
        ("scanners.raw_helper.sweep", "from agent.contract import Emit", "agent.contract"),
        ("scanners.raw_helper.sweep", "from scanners.targets import subnets", "scanners.targets"),
        ("reports.to_csv", "from agent.judgement.judge import judge", "agent.judgement"),
        ("fixtures.lab.lab", "import agent.perform", "agent.perform"),
        ("agent.models", "", "no layer"),
    ],
)
def test_a_trespass_is_seen(module: str, source: str, fault: str) -> None:
    found = trespasses(module, source)
    assert len(found) == 1
    assert fault in found[0]


def test_each_rule_has_a_module() -> None:
    for prefix in MAY:
        assert any(inside(m, prefix) for m in FILES), prefix


def test_the_core_package_is_empty() -> None:
    """`import agent.model` must load nothing else: the helpers live by it."""
    for package in ("agent", "agent.model", "scanners"):
        tree = ast.parse(FILES[package].read_text("utf-8"))
        assert all(isinstance(n, ast.Expr) for n in tree.body), package


def test_one_blind_except() -> None:
    found = [
        module
        for module, path in FILES.items()
        if not module.startswith("tests")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler) and blind(node)
    ]
    assert found == [BLIND]


def blind(node: ast.ExceptHandler) -> bool:
    """Catches every error and goes on. One that raises again at its end (to clear up) does not."""
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    wide = any(
        k is None or (isinstance(k, ast.Name) and k.id in ("Exception", "BaseException"))
        for k in kinds
    )
    return wide and not isinstance(node.body[-1], ast.Raise)
