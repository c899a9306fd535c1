"""What brings an agent back is shown at that agent: on its host or from a policy, of its own instance only."""

from __future__ import annotations

import random

import pytest

from agent.inventory.software.find import software
from agent.inventory.software.reinstall import with_reinstall_paths
from agent.model.software import SoftwareItem, Trace

HOST, OTHER, SEEN, BACK = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
ONE, TWO = "ab12cd34ef56ab78", "1111222233334444"


def service(instance: str, host: str = HOST) -> Trace:
    name = f"ScreenConnect Client ({instance})"
    return Trace(
        host=host, kind="service", channel="x", name=name, state="running", evidence=(SEEN,)
    )


def starter(command: str, *, host: str | None = HOST, kind: str = "task") -> Trace:
    return Trace.model_validate(
        {"host": host, "kind": kind, "channel": "x", "name": "job", "command": command}
        | {"evidence": (BACK,)}
    )


def judged(*traces: Trace) -> tuple[SoftwareItem, ...]:
    some = list(traces)
    random.shuffle(some)
    return with_reinstall_paths(software(some, (), b"k" * 32), some)


def brought(items: tuple[SoftwareItem, ...]) -> dict[tuple[str | None, str], tuple[str, ...]]:
    return {(i.asset, i.instance.get("instance", "")): i.reinstalled_by for i in items}


FOLDER = rf"C:\Program Files (x86)\ScreenConnect Client ({ONE})\ScreenConnect.ClientService.exe"
POWERSHELL = r'powershell.exe -File "\\dc\x.ps1" ScreenConnect.ClientService.exe'


@pytest.mark.parametrize(
    "kind",
    [
        "task",
        "run_key",
        "wmi_subscription",
        "cron",
        "failure_action",
        "policy_package",
        "policy_script",
        "policy_task",
    ],
)
def test_each_kind_of_starter_brings_it_back(kind: str) -> None:
    items = judged(service(ONE), starter(POWERSHELL, host=None, kind=kind))
    assert brought(items)[HOST, ONE] == (BACK,)


def test_only_its_own_instance() -> None:
    items = judged(service(ONE), service(TWO), starter(f'"{FOLDER}"'))
    assert brought(items) == {(HOST, ONE): (BACK,), (HOST, TWO): ()}


def test_a_task_of_one_machine_says_nothing_of_another() -> None:
    items = judged(service(ONE), service(ONE, OTHER), starter(POWERSHELL))
    got = brought(items)
    assert (got[HOST, ONE], got[OTHER, ONE]) == ((BACK,), ())


def test_an_ordinary_task_brings_nothing_back() -> None:
    items = judged(service(ONE), starter(r"C:\Windows\System32\defrag.exe -c -h"))
    assert brought(items) == {(HOST, ONE): ()}


def test_what_only_runs_is_no_path() -> None:
    assert brought(judged(service(ONE))) == {(HOST, ONE): ()}


@pytest.mark.parametrize(
    "command",
    [
        rf'taskkill /f /im "{FOLDER}"',
        "sc.exe stop ScreenConnect.ClientService.exe",
        'sc \\\\srv1 delete "ScreenConnect.ClientService.exe"',
        "net stop ScreenConnect.ClientService.exe",
        "powershell Stop-Service ScreenConnect.ClientService.exe",
        "systemctl disable --now ScreenConnect.ClientService.exe",
        "apt-get -y purge ScreenConnect.ClientService.exe",
        "msiexec.exe /qn /x{AAAA} ScreenConnect.ClientService.exe",
    ],
)
def test_what_only_removes_it_is_no_path(command: str) -> None:
    assert brought(judged(service(ONE), starter(command))) == {(HOST, ONE): ()}


@pytest.mark.parametrize(
    "command",
    [
        "cmd /c net stop x & net start ScreenConnect.ClientService.exe",
        "msiexec /x old.msi /qn & msiexec /i new.msi ScreenConnect.ClientService.exe",
        "systemctl restart ScreenConnect.ClientService.exe",
    ],
)
def test_what_stops_and_starts_it_is_one(command: str) -> None:
    assert brought(judged(service(ONE), starter(command))) == {(HOST, ONE): (BACK,)}
