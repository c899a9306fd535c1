"""Every product of the catalogue as its maker installs it, and in disguises; and the stock lists of systems that have none."""

from __future__ import annotations

from importlib.resources import files

from agent.catalogs.remote_access import Tool
from agent.model.software import Trace, TraceKind

HOST = "a" * 32
DISGUISES = (
    *("renamed binary", "changed display name", "stopped service"),
    *("moved folder", "portable copy"),
)
_STOCK: dict[str, TraceKind] = {
    "windows_services": "service",
    "windows_processes": "process",
    "windows_packages": "package",
    "linux_units": "unit",
    "linux_processes": "process",
    "macos_launchd": "launchd",
    "macos_processes": "process",
}


def trace(kind: TraceKind, name: str, host: str | None = HOST, **fields: object) -> Trace:
    fields.setdefault("evidence", (f"{abs(hash((kind, name))):032x}"[:32],))
    return Trace(host=host, kind=kind, channel="test", name=name, **fields)  # type: ignore[arg-type]


def names(tool: Tool, kind: str) -> list[str]:
    return [e.partition(" ")[2] for e in tool.examples if e.startswith(f"{kind} ")]


def default(tool: Tool) -> list[Trace]:
    """As its maker installs it: where it lies is known where the catalogue knows it."""
    where = next(iter(names(tool, "path")), "")
    kinds: tuple[TraceKind, ...] = ("service", "unit", "launchd", "process", "package", "task")
    some = [trace(k, n, path=where, state="running") for k in kinds for n in names(tool, k)[:2]]
    return some or [trace("service", n, display=n, path=where) for n in names(tool, "display")[:1]]


def disguised(tool: Tool, how: str) -> list[Trace]:
    """Empty where the catalogue knows nothing that this leaves."""
    folder = next(iter(names(tool, "path")), "")
    service = next(iter(names(tool, "service") or names(tool, "unit")), "")
    process = next(iter(names(tool, "process")), "")
    if how == "renamed binary":
        return [trace("process", "helper.exe", path=folder, state="running")] if folder else []
    if how == "changed display name":
        return (
            [trace("service", service, display="Support informatique", path=folder)]
            if service
            else []
        )
    if how == "stopped service":
        return [trace("service", service, path=folder, state="stopped")] if service else []
    if how == "moved folder":
        return (
            [trace("process", process, path=f"D:\\outils\\{process}", state="running")]
            if process
            else []
        )
    assert how == "portable copy"
    path = f"C:\\Users\\anne\\Downloads\\{process}"
    return [trace("process", process, path=path, state="running")] if process else []


def stock() -> list[Trace]:
    """All names of the stock lists, on one machine, so that one weak name would find another to lean on."""
    out: list[Trace] = []
    for name, kind in _STOCK.items():
        lines = (files("fixtures") / "stock" / f"{name}.txt").read_text("utf-8").splitlines()
        out += [trace(kind, n, state="running") for n in lines if n and not n.startswith("#")]
    return out
