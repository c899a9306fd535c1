"""Every product in three forms, five disguises, and not once where nothing is; whose each instance is; whatever the order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalogs.remote_access import tools
from agent.inventory.software.find import software
from agent.inventory.software.signs import program, signs
from agent.model.attribution import Provider
from agent.model.software import SoftwareItem, Trace
from tests.agent.inventory.software.disguises import default, disguised, names, stock, trace

KEY = b"k" * 32
OURS = Provider(
    id="ours",
    role="ours",
    name="Horizon",
    domains=("horizon.example",),
    tools=("NinjaOne",),
    ids={"screenconnect": ("0123456789abcdef",), "syncro": ("horizon",)},
)
FORMER = Provider(
    id="former",
    role="former",
    name="InfoSud Services",
    domains=("infosud.example",),
    networks=("203.0.113.0/24",),
    tools=("N-central",),
    ids={"screenconnect": ("ab12cd34ef56ab78",)},
)
PROVIDERS = (OURS, FORMER)


def found(*traces: Trace) -> tuple[SoftwareItem, ...]:
    return software(traces, PROVIDERS, KEY)


def test_recall_of_every_product_in_three_forms() -> None:
    missed: dict[str, list[str]] = {"default": [], "white-label": [], "residue": []}
    told: dict[str, int] = dict.fromkeys(missed, 0)
    for tool in tools():
        folder = next(iter(names(tool, "path")), "")
        label = f"{random.Random(tool.id).getrandbits(64):016x}"
        forms = {
            "default": default(tool),
            "white-label": [trace("service", f"Assistance {label}", path=folder, state="running")],
            "residue": [trace("path", "", path=folder)],
        }
        for form, some in forms.items():
            if form != "default" and not folder:
                continue
            told[form] += 1
            items = [i for i in found(*some) if i.product == tool.id]
            if not items or (form == "residue") != (items[0].form == "residue"):
                missed[form].append(tool.id)
    for form, ids in missed.items():
        print(f"{form}: {told[form] - len(ids)} of {told[form]}; missed {', '.join(ids)}")
    assert missed == {"default": [], "white-label": [], "residue": []}
    assert told["default"] == len(tools())
    assert told["residue"] >= 40


@pytest.mark.parametrize(
    ("how", "least"),
    [
        ("renamed binary", 0.6),
        ("changed display name", 0.8),
        ("stopped service", 0.8),
        ("moved folder", 0.8),
        ("portable copy", 0.8),
    ],
)
def test_recall_of_each_disguise(how: str, least: float) -> None:
    """Of all products, also of those of which the catalogue knows nothing that the disguise leaves."""
    hit = [t.id for t in tools() if any(i.product == t.id for i in found(*disguised(t, how)))]
    missed = sorted({t.id for t in tools()} - set(hit))
    print(f"{how}: {len(hit)} of {len(tools())}; missed {', '.join(missed)}")
    assert len(hit) >= least * len(tools())


def test_a_clean_machine_has_none() -> None:
    """All names of the stock lists on one machine, so that one weak name would find another to lean on."""
    all_of = stock()
    assert len(all_of) > 700
    assert [(i.product, i.artefacts) for i in found(*all_of)] == []


def test_two_instances_on_one_machine_have_their_own_owners() -> None:
    one, other = "ab12cd34ef56ab78", "0123456789abcdef"
    folder = r"C:\Program Files (x86)\ScreenConnect Client ({})\ScreenConnect.ClientService.exe"
    items = found(
        trace("service", f"ScreenConnect Client ({one})", state="running"),
        trace("service", f"ScreenConnect Client ({other.upper()})", state="stopped"),
        trace(
            "process", "ScreenConnect.ClientService.exe", path=folder.format(one), state="running"
        ),
        trace("process", "ScreenConnect.WindowsClient.exe", state="running"),
    )
    by = {i.instance["instance"].lower(): i for i in items}
    assert set(by) == {one, other}
    assert (by[one].owner.owner, by[one].owner.provider, by[one].form) == (
        "former",
        "former",
        "running",
    )
    assert (by[other].owner.owner, by[other].owner.provider) == ("ours", "ours")
    # Whose window is open nobody can say: it is shown with both.
    assert all(any(a.name == "ScreenConnect.WindowsClient.exe" for a in i.artefacts) for i in items)


@pytest.mark.parametrize(
    ("traces", "owner"),
    [
        ([trace("service", "AteraAgent", values={"IntegratorLogin": "rmm@infosud.example"})], "former"),
        ([trace("service", "tacticalrmm", values={"ApiURL": "https://api.rmm.horizon.example"})], "ours"),
        ([trace("service", "Mesh Agent", values={"MeshServer": "wss://203.0.113.9:443/agent.ashx"})], "former"),
        ([trace("service", "Syncro", path=r"C:\Program Files\RepairTech\Syncro\x.exe", values={"shop_subdomain": "horizon"})], "ours"),
        ([trace("service", "Mesh Agent", values={"MeshName": "Parc InfoSud Services"})], "unknown"),
        ([trace("service", "NinjaRMMAgent")], "unknown"),
        (
            [trace("service", "ScreenConnect Client (0123456789abcdef)", command='"C:\\x.exe" "?e=Access&h=relay.infosud.example&p=8041"')],
            "contested",
        ),
    ],
)  # fmt: skip
def test_whose_it_is_and_why(traces: list[Trace], owner: str) -> None:
    (item,) = found(*traces)
    assert item.owner.owner == owner
    if owner in ("ours", "former", "contested"):
        assert any(w.strong and w.evidence == traces[0].evidence for w in item.owner.for_)
    else:
        # Words, and who is known to use it, are a suspicion and no more.
        assert item.owner.provider is None
        assert item.owner.suspected


def test_a_name_that_is_anybodys_needs_another_sign() -> None:
    assert found(trace("service", "Level", state="running")) == ()
    assert found(trace("service", "Level"), trace("package", "Level")) == ()
    (item,) = found(trace("service", "Level", path=r"C:\Program Files\Level\level.exe"))
    assert item.product == "level"
    assert found(trace("name_asked", "agents.level.io")) == ()
    (item,) = found(
        trace("path", "", path=r"C:\Program Files\Level"),
        trace("service", "Level", state="running"),
    )
    assert item.form == "running"


def test_a_shared_program_belongs_to_the_product_in_whose_folder_it_lies() -> None:
    folder = r"C:\Program Files (x86)\BeAnywhere Support Express\GetSupportService_N-Central\BASupSrvc.exe"
    products = {s.tool.id for s in signs(trace("process", "BASupSrvc.exe", path=folder))}
    assert "ncentral" in products
    assert "nsight" not in products


@given(st.randoms(use_true_random=False))
def test_the_order_of_traces_never_matters(r: random.Random) -> None:
    some = [t for tool in tools()[:12] for t in default(tool)]
    some += [
        trace("service", "ScreenConnect Client (ab12cd34ef56ab78)", host=h)
        for h in ("b" * 32, None)
    ]
    shuffled = list(some)
    r.shuffle(shuffled)
    assert found(*shuffled) == found(*some)


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ('"C:\\Program Files\\A B\\c.exe" "?e=Access&h=x"', "C:\\Program Files\\A B\\c.exe"),
        ("C:\\Program Files\\A B\\c.exe -service", "C:\\Program Files\\A B\\c.exe"),
        ("/opt/agent/run --server=x", "/opt/agent/run"),
        ("svchost -k netsvcs", ""),
        ("", ""),
    ],
)
def test_the_program_of_a_command_line(command: str, path: str) -> None:
    assert program(command) == path


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_whatever_a_machine_says_is_read(name: str, command: str, path: str) -> None:
    for kind in ("service", "process", "package", "path", "task", "name_asked"):
        found(trace(kind, name, command=command, path=path, evidence=("e" * 32,)))
