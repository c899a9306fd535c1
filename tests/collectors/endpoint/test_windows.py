"""The Windows collector run by Windows' Python under Wine, on a registry and a drive in which agents and canaries were planted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from agent.imports.endpoint_file import parse_endpoint
from agent.model.endpoint_tables import SOURCES_OF, TABLES
from collectors.endpoint.from_catalogue import wanted
from tests.wine import PYTHON, Wine

CANARY = "CANARY-7f3a"
INSTANCE = "ab12cd34ef56ab78"
_PLANT = r"""
import os, subprocess, sys, winreg as r
def put(key, root=r.HKEY_LOCAL_MACHINE, view=r.KEY_WOW64_64KEY, **values):
    with r.CreateKeyEx(root, key, 0, r.KEY_WRITE | view) as k:
        for name, value in values.items():
            kind = r.REG_DWORD if isinstance(value, int) else r.REG_MULTI_SZ if isinstance(value, list) else r.REG_EXPAND_SZ
            r.SetValueEx(k, name.replace("__", " ").rstrip("_"), 0, kind, value)
C, I = sys.argv[1], sys.argv[2]
S = r"SYSTEM\CurrentControlSet\Services"
sc = rf"C:\Program Files (x86)\ScreenConnect Client ({I})\ScreenConnect.ClientService.exe"
put(rf"{S}\ScreenConnect Client ({I})", Type=16, Start=2, ObjectName="LocalSystem", DisplayName="Renamed Helper",
    ImagePath=f'"{sc}" "?e=Access&y=Guest&h=relay.infonord.example&p=8041&s=x&t={C}&c=Acme"',
    FailureCommand=rf"C:\x\again.cmd /Token:{C}")
put(rf"{S}\Svc", Type=32, Start=3, ImagePath=r"%SystemRoot%\System32\svchost.exe -k netsvcs")
put(rf"{S}\Svc\Parameters", ServiceDll=r"%SystemRoot%\System32\svc.dll", Password=C)
put(rf"{S}\DrvX", Type=1, Start=1, ImagePath=r"\SystemRoot\System32\drivers\drvx.sys")
put(r"SOFTWARE\ATERA Networks\AlphaAgent", IntegratorLogin="boss@infonord.example", AccountId="001Q", Token=C, RmmCode=C)
put(r"SOFTWARE\RepairTech\Syncro", view=r.KEY_WOW64_32KEY, shop_subdomain="infonord", api_key=C)
put(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\A", DisplayName="Sixty-four", DisplayVersion="1.2", Publisher="P")
put(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\B", view=r.KEY_WOW64_32KEY, DisplayName="Thirty-two")
put(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run", Agent=rf'"C:\Tools\agent.exe" --key {C}')
put(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon", Userinit=r"C:\Windows\system32\userinit.exe,C:\x\back.exe")
put(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Image File Execution Options\sethc.exe", Debugger="cmd.exe")
put(r"SYSTEM\CurrentControlSet\Control\SafeBoot\Network\SplashtopRemoteService", **{"": "Service"})
put(rf"{S}\SharedAccess\Parameters\FirewallPolicy\FirewallRules", one=
    r"v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5938|App=C:\Program Files\TeamViewer\TeamViewer_Service.exe|Name=TeamViewer|",
    two="v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=1|Name=No|")
put(rf"{S}\LanmanServer\Shares", Data=["Path=D:\\Data", "Remark=All"])
put(r"SYSTEM\CurrentControlSet\Control\Print\Printers\HP", Port="IP_192.168.7.9", Printer__Driver="HP UPD")
P = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
put(rf"{P}\S-1-5-21-1-2-3-1001", ProfileImagePath=r"C:\Users\gone")
hives = [r.EnumKey(r.HKEY_USERS, n) for n in range(r.QueryInfoKey(r.HKEY_USERS)[0])]
sid = next(x for x in hives if x.startswith("S-1-5-21") and "_" not in x)
put(rf"{P}\{sid}", ProfileImagePath=r"C:\Users\anne")
put(rf"{sid}\Software\Microsoft\Windows\CurrentVersion\Uninstall\U", root=r.HKEY_USERS, DisplayName="Per user")
put(rf"{sid}\Software\Microsoft\Windows\CurrentVersion\Run", root=r.HKEY_USERS, AnyDesk=r'"C:\Users\anne\Downloads\AnyDesk.exe" --tray')
put(rf"{sid}\Network\Z", root=r.HKEY_USERS, RemotePath=r"\\srv\home")
def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f: f.write(data)
task = f'''<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
<Principals><Principal id="Author"><UserId>S-1-5-18</UserId></Principal></Principals>
<Settings><Enabled>true</Enabled></Settings>
<Actions><Exec><Command>powershell.exe</Command>
<Arguments>-File "\\\\dc1\\netlogon\\agent.ps1" -Token {C}</Arguments></Exec></Actions></Task>'''
write(r"C:\Windows\System32\Tasks\InfoNord\Reinstall", task.encode("utf-16"))
write(r"C:\Windows\System32\Tasks\Broken", b"\xff\xfe<\0")
write(r"C:\Windows\System32\Tasks\Bomb", b'<!DOCTYPE x [<!ENTITY a "b">]><Task>&a;</Task>')
write(r"C:\ProgramData\CentraStage\Brand\keys.xml", 
    f"<k><productShortNameText>InfoNord RMM</productShortNameText><Token>{C}</Token></k>".encode())
write(r"C:\Program Files (x86)\Kaseya\KA123\KaseyaD.ini", 
    f"[X]\r\nServer_Name=vsa.infonord.example\r\nPassword={C}\r\nUser_Name={C}\r\n".encode())
write(r"C:\Users\anne\Downloads\AnyDesk.exe", b"MZ")
write(r"C:\Users\anne\Documents\private.txt", C.encode())
E = r"C:\Users\anne\AppData\Local\Google\Chrome\User Data\Default\Extensions"
write(E + r"\inomeogfingihgjfjlpeplalcfajhgai\2.1\manifest.json", b"{}")
"""
_LOOK = r"""
import json, sys
from collectors.endpoint.collect import collect
from collectors.endpoint.wanted import Value, Wanted
from collectors.endpoint.windows import machine, sources
told = json.load(open(sys.argv[3], encoding="utf-8"))
told["values"] = tuple(Value(**v) for v in told["values"])
w = Wanted(**{k: tuple(v) for k, v in told.items()})
d = collect("windows", machine.machine, sources.sources(w), elevated=sources.elevated())
sys.stdout.buffer.write(json.dumps(d).encode())
"""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    wine = Wine(tmp_path_factory.mktemp("wine"))
    # A command line of Windows has 32,767 characters at most.
    file = tmp_path_factory.mktemp("wanted") / "wanted.json"
    file.write_text(json.dumps(asdict(wanted())), "utf-8")
    try:
        said = wine.python(_PLANT + _LOOK, CANARY, INSTANCE, f"Z:{file}")
    finally:
        wine.end()
    yield json.loads(said)


pytestmark = [
    pytest.mark.needs("wine"),
    pytest.mark.xdist_group("wine"),
    pytest.mark.skipif(not PYTHON.exists(), reason="make windows-python was not run"),
]
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def told(document: dict[str, Any]) -> Rows:
    return {
        t["table"]: [dict(zip(TABLES[t["table"]], r, strict=True)) for r in t["rows"]]
        for t in document["tables"]
    }


def outcome(document: dict[str, Any], source: str, view: str = "") -> tuple[str, str]:
    (one,) = [c for c in document["checked"] if (c["source"], c["view"]) == (source, view)]
    return one["outcome"], one["reason"]


def test_the_document_is_one(document: dict[str, Any]) -> None:
    parsed = parse_endpoint(json.dumps(document).encode())
    assert {c.source for c in parsed.checked} == set(SOURCES_OF["windows"])
    assert parsed.machine.name and parsed.machine.memory and parsed.machine.os
    assert Path("/sys/class/net/eth0").exists() <= bool(parsed.machine.cards)


def test_no_secret_is_in_it(document: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(document)


def test_services_and_drivers(told: Rows) -> None:
    services = {s["name"]: s for s in told["services"]}
    mine = services[f"ScreenConnect Client ({INSTANCE})"]
    assert "h=relay.infonord.example" in mine["command"] and mine["account"] == "LocalSystem"
    assert mine["failure"] == r"C:\x\again.cmd /Token:***" and mine["start"] == "auto"
    assert r"System32\svc.dll" in services["Svc"]["command"]
    assert "DrvX" not in services and any(d["name"] == "DrvX" for d in told["drivers"])
    # The service manager of this very system is asked what runs.
    assert "running" in {s["state"] for s in told["services"]}


def test_programs_of_both_views_and_of_loaded_users(document: dict[str, Any], told: Rows) -> None:
    found = {(p["name"], p["source"]) for p in told["packages"]}
    assert {("Sixty-four", "uninstall-64"), ("Thirty-two", "uninstall-32")} <= found
    assert ("Per user", "user") in found and len([p for p in found if p[0] == "Sixty-four"]) == 1
    for source in ("packages", "run_keys"):
        assert outcome(document, source, "user gone") == (
            "skipped",
            "the user's registry hive is not loaded",
        )


def test_what_starts_by_itself(document: dict[str, Any], told: Rows) -> None:
    keys = {(k["name"], k["command"]) for k in told["run_keys"]}
    assert ("Agent", r'"C:\Tools\agent.exe" --key ***') in keys
    assert ("AnyDesk", r'"C:\Users\anne\Downloads\AnyDesk.exe" --tray') in keys
    assert ("sethc.exe", "cmd.exe") in keys
    assert any(k["name"] == "Userinit" and "back.exe" in k["command"] for k in told["run_keys"])
    (task,) = [t for t in told["tasks"] if t["name"] == r"\InfoNord\Reinstall"]
    assert r"\\dc1\netlogon\agent.ps1" in task["command"] and task["account"] == "S-1-5-18"
    assert outcome(document, "tasks", r"\Broken")[0] == "failed"
    assert "entities" in outcome(document, "tasks", r"\Bomb")[1]
    assert told["safeboot"] == [{"name": "SplashtopRemoteService", "mode": "Network"}]


def test_identifiers_by_exact_name_in_both_views(told: Rows) -> None:
    found = {(v["tool"], v["key"]): v["value"] for v in told["values"]}
    assert found == {
        ("atera", "IntegratorLogin"): "boss@infonord.example",
        ("atera", "AccountId"): "001Q",
        ("syncro", "shop_subdomain"): "infonord",
        ("datto_rmm", "productShortNameText"): "InfoNord RMM",
        ("kaseya_vsa9", "Server_Name"): "vsa.infonord.example",
    }


def test_files_and_the_drive_that_is_not_looked_at(document: dict[str, Any], told: Rows) -> None:
    paths = {p["path"] for p in told["paths"]}
    assert "C:/Users/anne/Downloads/AnyDesk.exe" in paths and "C:/ProgramData/CentraStage" in paths
    assert not any("private" in p for p in paths)
    assert outcome(document, "paths", "drive Z: of anne")[0] == "skipped"
    assert [e["id"] for e in told["browser_extensions"]] == ["inomeogfingihgjfjlpeplalcfajhgai"]


def test_rules_shares_printers_disks(told: Rows) -> None:
    (rule,) = [r for r in told["firewall_rules"] if r["port"] == "5938"]
    assert rule["state"] == "on" and rule["program"].endswith("TeamViewer_Service.exe")
    assert not any(r["name"] == "No" for r in told["firewall_rules"])
    assert {"name": "Data", "path": r"D:\Data", "comment": "All"} in told["shares"]
    assert {"name": "HP", "port": "IP_192.168.7.9", "driver": "HP UPD"} in told["printers"]
    assert any(d["name"] == "C:\\" and d["size"] > d["free"] > 0 for d in told["disks"])


def test_processes_with_their_files(told: Rows) -> None:
    (python,) = [p for p in told["processes"] if p["name"].lower() == "python.exe"]
    # Wine does not tell command lines (class 60 of NtQueryInformationProcess).
    assert python["path"].lower().endswith("python.exe")


def test_administrators_that_were_not_told_are_not_nobody(
    document: dict[str, Any], told: Rows
) -> None:
    # Wine's own answer: a group of administrators without members, and no list of accounts.
    assert outcome(document, "local_groups", "Administrators")[0] == "failed"
    assert outcome(document, "local_users")[0] == "failed"
    assert not told.get("local_groups") and not told.get("local_users")


def test_without_powershell_wmi_was_not_looked_at(document: dict[str, Any], told: Rows) -> None:
    # Wine has a PowerShell that does nothing: no answer must not become "no subscription".
    assert outcome(document, "wmi_subscriptions")[0] == "failed"
    assert outcome(document, "protection")[0] in ("failed", "partial")
    assert not told.get("wmi_subscriptions")
