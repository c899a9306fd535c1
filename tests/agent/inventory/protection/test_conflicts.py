"""Each kind of conflict, what is none, and what is only unknown. Items come from traces, as they do in the product."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.catalogs.protection import products
from agent.inventory.protection.conflicts import conflicts
from agent.inventory.protection.find import protection
from agent.inventory.software.find import software
from agent.model.attribution import Attribution, Provider
from agent.model.base import hash_id
from agent.model.known import Why
from agent.model.protection import Conflict, ConflictKind
from agent.model.software import Trace, TraceKind

KEY, HOST, OTHER = b"k" * 32, "a" * 32, "b" * 32
FORMER_CID, OUR_CID = "f" * 32, "0" * 32
PROVIDERS = (
    Provider(
        id="ours",
        role="ours",
        name="Horizon",
        domains=("horizon.example",),
        ids={"crowdstrike": (OUR_CID,), "ninja": ("our-division",)},
    ),
    Provider(
        id="former",
        role="former",
        name="InfoSud",
        domains=("infosud.example",),
        ids={"crowdstrike": (FORMER_CID,), "ninja": ("old-division",)},
    ),
)


def trace(
    kind: TraceKind, name: str, state: str = "running", host: str = HOST, **fields: object
) -> Trace:
    evidence = (hash_id(kind, name, host, state),)
    return Trace(host=host, kind=kind, channel="test", name=name, state=state, evidence=evidence, **fields)  # type: ignore[arg-type]  # fmt: skip


def service(name: str, state: str = "running", **fields: object) -> Trace:
    return trace("service", name, state, **fields)  # type: ignore[arg-type]


def judged(*traces: Trace, server: bool | None = False) -> tuple[Conflict, ...]:
    items = protection(traces, PROVIDERS, KEY)
    return conflicts(items, software(traces, PROVIDERS, KEY), lambda _: server)


Said = tuple[ConflictKind, str, tuple[str, ...]]


def said(*traces: Trace, server: bool | None = False) -> set[Said]:
    return {(c.kind, c.verdict, c.open) for c in judged(*traces, server=server)}


NORMAL = service("WinDefend", values={"AMRunningMode": "Normal"})
PASSIVE = service("WinDefend", values={"AMRunningMode": "Passive Mode"})
UNTOLD = service("WinDefend")
ESET = service("ekrn")
NINJA_OLD = service("NinjaRMMAgent", values={"DivisionUID": "old-division"})
NINJA_OURS = service("NinjaRMMAgent", values={"DivisionUID": "our-division"})
NINJA = service("NinjaRMMAgent")
FALCON_OLD = service("CSFalconService", values={"CU": FORMER_CID})


@pytest.mark.parametrize(
    ("traces", "wanted"),
    [
        ((ESET, service("WRSVC")), {("two_engines", "yes", ())}),
        ((ESET, service("WRSVC"), service("avast! Antivirus")), {("two_engines", "yes", ())}),
        # Not known to run.
        ((ESET, trace("package", "Webroot SecureAnywhere", "present")), {("two_engines", "unknown", ("engine",))}),
        ((ESET, service("WRSVC", "unknown")), {("two_engines", "unknown", ("engine",))}),
        # Its console decides.
        ((ESET, service("ElasticEndpoint")), {("two_engines", "unknown", ("engine",))}),
        # A part of its own that runs.
        ((ESET, service("hurukai-av")), {("two_engines", "yes", ())}),
        # Stopped, left behind, without an engine, its engine not installed, the same product, one family, Defender as Windows keeps it.
        ((ESET, service("WRSVC", "stopped")), set()),
        ((ESET, trace("path", "", path=r"C:\Program Files\Webroot\WRSA.exe")), set()),
        ((ESET, service("HuntressAgent")), set()),
        ((ESET, service("hurukai")), set()),
        ((ESET, service("FA_Scheduler")), set()),
        ((ESET, trace("process", "ekrn.exe")), set()),
        ((service("EPSecurityService"), trace("process", "NableAVDBridge.exe")), set()),
        ((ESET, UNTOLD), set()),
        ((ESET, PASSIVE), set()),
        ((NORMAL, service("Sense")), set()),
        # Told to be active, on a client too.
        ((ESET, NORMAL), {("two_engines", "yes", ())}),
    ],
)  # fmt: skip
def test_two_engines(traces: tuple[Trace, ...], wanted: set[Said]) -> None:
    assert said(*traces) == wanted


@pytest.mark.parametrize(
    ("traces", "server", "wanted"),
    [
        ((ESET, NORMAL), True, {("defender_server", "yes", ())}),
        ((ESET, UNTOLD), True, {("defender_server", "unknown", ("mode",))}),
        ((ESET, UNTOLD), None, {("defender_server", "unknown", ("mode", "server"))}),
        ((ESET, NORMAL), None, {("two_engines", "yes", ())}),
        ((service("ekrn", "unknown"), NORMAL), True, {("defender_server", "unknown", ("engine",))}),
        ((ESET, trace("process", "MsMpEng.exe")), True, {("defender_server", "unknown", ("mode",))}),
        ((ESET, PASSIVE), True, set()),
        ((ESET, PASSIVE), None, set()),
        ((ESET, service("WinDefend", "stopped")), True, set()),
        ((ESET, UNTOLD), False, set()),
        ((ESET,), True, set()),
        ((NORMAL,), True, set()),
        ((NORMAL, service("Sense"), service("HuntressAgent")), True, set()),
        ((service("ekrn", "stopped"), NORMAL), True, set()),
        ((service("VeeamEndpointBackupSvc"), NORMAL), True, set()),
    ],
)  # fmt: skip
def test_defender_beside_another_on_a_server(
    traces: tuple[Trace, ...], server: bool | None, wanted: set[Said]
) -> None:
    assert said(*traces, server=server) == wanted


def test_two_engines_on_a_server_do_not_hide_defender() -> None:
    told = judged(ESET, service("WRSVC"), NORMAL, server=True)
    assert {(c.kind, c.products) for c in told} == {
        ("two_engines", ("eset", "webroot")),
        ("defender_server", ("defender_av", "eset", "webroot")),
    }


@pytest.mark.parametrize(
    ("traces", "wanted"),
    [
        ((service("cyserver"), service("Sense")), {("two_edr", "yes", ())}),
        ((service("cyserver"), service("CynetLauncher", "unknown")), {("two_edr", "unknown", ("runs",))}),
        # As two engines it has been said already.
        ((service("cyserver"), service("CSFalconService")), {("two_engines", "yes", ())}),
        ((service("cyserver"), service("HuntressAgent"), service("ThreatLockerService")), set()),
        # Comes with Windows, and waits.
        ((service("cyserver"), service("Sense", "stopped")), set()),
        ((service("cyserver"), service("Sense", "unknown")), set()),
        ((service("cyserver"), ESET), {("two_engines", "yes", ())}),
    ],
)  # fmt: skip
def test_two_edr(traces: tuple[Trace, ...], wanted: set[Said]) -> None:
    assert said(*traces) == wanted


@pytest.mark.parametrize(
    ("traces", "wanted"),
    [
        ((service("VeeamEndpointBackupSvc"), service("AcrSch2Svc")), {("two_backups", "yes", ())}),
        ((service("VeeamEndpointBackupSvc"), service("AcrSch2Svc", "unknown")), {("two_backups", "unknown", ("runs",))}),
        ((service("VeeamEndpointBackupSvc"), service("AcrSch2Svc", "stopped")), set()),
        ((service("VeeamEndpointBackupSvc"), service("VeeamTransportSvc"), service("VeeamManagementAgentSvc")), set()),
        ((service("stc_raw_agent"), service("ShadowProtectSvc")), set()),
        ((service("VeeamEndpointBackupSvc"), service("CrashPlanService"), service("wbengine")), set()),
    ],
)  # fmt: skip
def test_two_backups(traces: tuple[Trace, ...], wanted: set[Said]) -> None:
    assert said(*traces) == wanted


@pytest.mark.parametrize(
    ("traces", "wanted"),
    [
        ((NINJA_OLD, service("lockhart", path=r"C:\Program Files\NinjaRMM\lockhart\bin\lockhart.exe")), {("goes_with_rmm", "yes", ())}),
        ((NINJA_OLD, service("EPSecurityService")), {("goes_with_rmm", "unknown", ("delivery",))}),
        ((NINJA, service("EPSecurityService")), {("goes_with_rmm", "unknown", ("delivery", "owner"))}),
        ((NINJA_OURS, service("EPSecurityService")), set()),
        ((NINJA_OLD, service("avast! Antivirus")), set()),
        ((NINJA_OLD, NORMAL), set()),
        ((NINJA_OLD, trace("path", "", path="/opt/bitdefender-security-tools")), set()),
        ((NINJA_OLD, service("EPSecurityService", host=OTHER)), set()),
        ((trace("path", "", path="/opt/NinjaRMMAgent"), service("EPSecurityService")), set()),
    ],
)  # fmt: skip
def test_what_goes_with_the_rmm(traces: tuple[Trace, ...], wanted: set[Said]) -> None:
    assert said(*traces) == wanted


@pytest.mark.parametrize(
    ("traces", "wanted"),
    [
        ((FALCON_OLD,), {("tenant_former", "yes", ()), ("tamper_locked", "yes", ())}),
        ((service("CSFalconService", "stopped", values={"CU": FORMER_CID}),), {("tenant_former", "yes", ()), ("tamper_locked", "yes", ())}),
        ((service("CSFalconService", values={"CU": OUR_CID}),), set()),
        ((service("CSFalconService"),), set()),
        ((trace("path", "", path="/opt/CrowdStrike", values={"CU": FORMER_CID}),), set()),
        ((service("VeeamManagementAgentSvc", values={"CloudGatewayAddress": "vac.infosud.example:6180"}),), {("backup_former", "yes", ())}),
        ((service("VeeamManagementAgentSvc", values={"CloudGatewayAddress": "vac.horizon.example:6180"}),), set()),
        ((trace("process", "BackupFP.exe", values={"PartnerName": "InfoSud"}),), set()),
        ((service("VeeamBackupSvc", account="ACME\\veeam"),), {("service_account", "yes", ())}),
        ((service("VeeamBackupSvc", account="NT AUTHORITY\\SYSTEM"),), set()),
        ((service("VeeamBackupSvc", account=".\\veeam"),), set()),
        ((NINJA, service("CagService")), {("two_rmm", "unknown", ("patching",))}),
        ((NINJA, service("CagService", "stopped")), set()),
        ((NINJA, service("CagService", host=OTHER)), set()),
        ((NINJA, service("TeamViewer")), set()),
    ],
)  # fmt: skip
def test_what_belongs_to_whom(traces: tuple[Trace, ...], wanted: set[Said]) -> None:
    assert said(*traces) == wanted


@pytest.mark.parametrize(
    ("name", "locked"), [("NableAVDBridge.exe", False), ("CSFalconService.exe", True)]
)
def test_only_what_locks_itself_is_asked_for(name: str, locked: bool) -> None:
    (item,) = protection((trace("process", name),), PROVIDERS, KEY)
    why = (Why(feature="tenant", matched="his", weight=1000, strong=True),)
    owner = Attribution(owner="former", provider="former", conf=1000, for_=why)
    his = item.model_copy(update={"owner": owner})
    kinds = {c.kind for c in conflicts((his,), (), lambda _: False)}
    assert "tenant_former" in kinds
    assert ("tamper_locked" in kinds) is locked


def test_a_conflict_says_where_and_by_what() -> None:
    (one,) = judged(ESET, service("WRSVC"), service("EraAgentSvc"))
    assert (one.asset, one.products) == (HOST, ("eset", "webroot"))
    assert set(one.evidence) == {
        e for n in ("ekrn", "WRSVC", "EraAgentSvc") for e in service(n).evidence
    }
    assert set(one.items) == {i.id for i in protection((ESET, service("WRSVC")), PROVIDERS, KEY)}


def test_hosts_are_judged_apart() -> None:
    assert said(ESET, service("WRSVC", host=OTHER)) == set()
    two = judged(ESET, service("WRSVC"), service("ekrn", host=OTHER), service("WRSVC", host=OTHER))
    assert {c.asset for c in two} == {HOST, OTHER}
    assert len({c.id for c in two}) == 2


def test_every_kind_can_be_found() -> None:
    everything = (ESET, service("WRSVC"), NORMAL, service("cyserver"), service("CynetLauncher")) + (
        service("VeeamEndpointBackupSvc"),
        service("AcrSch2Svc", account="ACME\\backup"),
        service("VeeamManagementAgentSvc", values={"CloudGatewayAddress": "vac.infosud.example"}),
        NINJA_OLD,
        service("CagService"),
        service("EPSecurityService"),
        FALCON_OLD,
    )
    told = judged(*everything, server=True)
    assert {c.kind for c in told} == set(get_args(ConflictKind))
    assert [c.id for c in told] == sorted(c.id for c in told)


@given(st.randoms(use_true_random=False), st.sampled_from((True, False, None)))
def test_order_never_matters(r: random.Random, server: bool | None) -> None:
    some = [
        service(e.partition(" ")[2], r.choice(("running", "unknown", "stopped")), host=h)
        for p in products()[::6]
        for e in p.examples[:2]
        if e.startswith("service ")
        for h in (HOST, OTHER)
    ]
    items = list(protection(some, PROVIDERS, KEY))
    agents = list(software(some, PROVIDERS, KEY))
    told = conflicts(items, agents, lambda _: server)
    r.shuffle(items)
    r.shuffle(agents)
    assert conflicts(items, agents, lambda _: server) == told
    assert len({c.id for c in told}) == len(told)


def test_a_certain_conflict_has_nothing_open() -> None:
    (one,) = judged(ESET, service("WRSVC"))
    for wrong in ({"verdict": "unknown"}, {"open": ("mode",)}):
        with pytest.raises(ValidationError):
            Conflict.model_validate({**one.model_dump(), **wrong})
