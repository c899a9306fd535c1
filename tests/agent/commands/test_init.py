"""`handover init`: writes client.toml once, learns a pin from the tables of this machine, asks the care questions, sends nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agent.engagement.answers import load_answers
from agent.engagement.engagement import load_engagement
from agent.engagement.here import look
from agent.engagement.scoping import scope_for
from tests.agent.commands.terminal import handover, typed
from tests.agent.engagement.sample import CLIENT, engagement, folder

FULL = (
    "--client", "Durand \"& Fils\"", "--language", "fr", "--sector", "industry", "--domain", "durand.example",
    "--network", "hq=127.7.0.0/24", "--network", "hq=127.7.1.0/24,voice", "--network", "depot=127.8.0.0/24",
    "--hours", "hq=Mon-Fri 08:00-18:00", "--scan", "hq=Mon-Fri 09:00-11:00",
    "--care", "medical=no", "--care", "payment=127.7.0.60@hq", "--care", "production=unplaced",
    "--former", "InfoNord", "--mode", "hostile", "--signed-by", "Anne Durand, DG",
    "--signed-on", "2026-01-05", "--valid-from", "2026-01-10", "--valid-to", "2026-06-30",
    "--allow", "sweep", "--data-processing-agreement", "--staff-informed", "--keep-until", "2026-12-31",
)  # fmt: skip


def test_everything_by_flags(tmp_path: Path) -> None:
    document = tmp_path / "mandat.pdf"
    document.write_bytes(b"signed")
    eng = tmp_path / "eng"
    code, out, err = handover("init", eng, *FULL, "--document", document)
    assert (code, err) == (0, "")
    assert "still missing" not in out and f"handover plan {eng}" in out
    e = load_engagement(eng)
    assert e.client.client.name == 'Durand "& Fils"'
    assert [(n.net, n.use) for n in e.client.site[0].networks][1] == ("127.7.1.0/24", "voice")
    assert (e.client.care.medical, e.client.care.payment) == ("no", "listed")
    assert scope_for(e, "hq").judge("127.7.0.60") == "never"
    assert (eng / "mandat.pdf").read_bytes() == b"signed"
    assert {"runs", "endpoints", "imports", "out"} <= {p.name for p in eng.iterdir()}


def test_what_was_left_out_is_named(tmp_path: Path) -> None:
    code, out, _ = handover("init", tmp_path / "eng", "--client", "A")
    assert code == 0
    for key in ("signed_by", "valid.from", "document", "allows", "keep_until", "a [[site]]"):
        assert f"still missing: {'' if ' ' in key else 'mandate.'}{key}" in out
    assert load_engagement(tmp_path / "eng").client.site == ()


def test_an_existing_file_is_never_rewritten(tmp_path: Path) -> None:
    folder(tmp_path)
    for args in ((), ("--client", "B"), ("--site", "usine", "--client", "B")):
        code, _, err = handover("init", tmp_path, *args)
        assert code == 2 and "is never rewritten" in err
    assert (tmp_path / "client.toml").read_text() == CLIENT


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "--client NAME"),
        (("--client", "A", "--network", "hq"), "--network takes NAME=VALUE"),
        (("--client", "A", "--network", "hq=10.0.0.0/33"), "is not a network"),
        (("--client", "A", "--network", "h q=10.0.0.0/24"), "small letters"),
        (("--client", "A", "--network", "hq=10.0.0.0/24,offcie"), "did you mean office"),
        (("--client", "A", "--scan", "hq=sometimes"), "days are Mon, Tue"),
        (("--client", "A", "--care", "dragons=no"), "--care knows medical"),
        (("--client", "A", "--care", "lift=10.0.0.1"), "at which site lift gear is"),
        (
            ("--client", "A", "--network", "hq=10.0.0.0/24", "--care", "lift=10.0.0.1@no"),
            "without --network",
        ),
        (("--client", "A", "--site", "hq"), "Say the networks of hq"),
        (("--client", "A", "--allow", "everything"), "must be one of sweep"),
        (("--client", "A", "--signed-on", "yesterday"), "Invalid value for '--signed-on'"),
    ],
)
def test_mistakes_leave_nothing_behind(tmp_path: Path, args: tuple[str, ...], words: str) -> None:
    code, _, err = handover("init", tmp_path / "eng", *args)
    assert code == 2 and words in err, err
    assert not (tmp_path / "eng").exists()


NET, MAC = "192.168.7.0/24", "00:00:5e:00:53:01"
Standing = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    """`handover` run by a machine at 192.168.7.20 behind the gateway 192.168.7.1: a network namespace with the kernel's own tables."""
    name = f"ho-init-{os.getpid()}"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)

    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "add", "lan0", "type", "veth", "peer", "name", "wall0")
        ip("-n", name, "link", "set", "wall0", "up")
        ip("-n", name, "addr", "add", "192.168.7.20/24", "dev", "lan0")
        ip("-n", name, "link", "set", "lan0", "up")
        ip("-n", name, "route", "add", "default", "via", "192.168.7.1")
        ip("-n", name, "neigh", "add", "192.168.7.1", "lladdr", MAC, "dev", "lan0")

        def run(*args: object, program: Sequence[str] = ("-m", "agent")) -> tuple[int, str, str]:
            words = [sys.executable, *program, *map(str, args)]
            done = subprocess.run(
                ["ip", "netns", "exec", name, *words],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                stdin=subprocess.DEVNULL,
            )
            return done.returncode, done.stdout, done.stderr

        yield run
    finally:
        ip("netns", "del", name)


@pytest.mark.root
@pytest.mark.needs("ip")
def test_the_pin_is_learned_when_the_file_is_written(tmp_path: Path, standing: Standing) -> None:
    words = ("init", tmp_path / "e", "--client", "A", "--network", f"hq={NET}", "--site", "hq")
    code, out, _ = standing(*words)
    assert code == 0 and MAC in out
    pin = load_engagement(tmp_path / "e").client.site[0].here_if
    assert pin is not None and pin.gateway_mac == MAC


@pytest.mark.root
@pytest.mark.needs("ip")
def test_the_pin_is_learned_later_into_answers(tmp_path: Path, standing: Standing) -> None:
    pinned = CLIENT.index("here_if")
    client = CLIENT.replace(MAC, "00:00:5e:00:53:99")
    assert client[pinned:] != CLIENT[pinned:]
    start, end = client.index('  { net = "192.168.8.0'), client.index("]\nnever")
    client = client[:start] + client[end:]
    folder(tmp_path, client)
    code, _, err = standing("init", tmp_path, "--site", "usine")
    assert code == 4 and "add --relearn" in err
    code, out, _ = standing("init", tmp_path, "--site", "usine", "--relearn", "--by", "Alex")
    assert code == 0 and MAC in out
    pin = load_answers(tmp_path).pins["usine"]
    assert (pin.gateway_mac, pin.by) == (MAC, "Alex")
    assert "recognised already" in standing("init", tmp_path, "--site", "usine")[1]
    assert (tmp_path / "client.toml").read_text() == client


@pytest.mark.root
@pytest.mark.needs("ip")
def test_no_pin_is_learned_from_elsewhere(tmp_path: Path, standing: Standing) -> None:
    client = CLIENT.replace(
        'networks = [{ net = "192.168.7.0/24", use = "office" }]',
        'networks = [{ net = "192.168.77.0/24", use = "office" }]',
    )
    folder(tmp_path, client)
    code, _, err = standing("init", tmp_path, "--site", "depot")
    assert code == 4 and "does not stand there" in err
    assert load_answers(tmp_path).pins == {}


@pytest.mark.root
@pytest.mark.needs("ip")
def test_a_user_without_a_name_learns_a_pin_too(tmp_path: Path, standing: Standing) -> None:
    """As in a container or under an RMM: the user's number stands in no passwd."""
    nobody = (
        "import os, sys\nos.getuid = lambda: 54321\n"
        "for k in ('LOGNAME', 'USER', 'LNAME', 'USERNAME'): os.environ.pop(k, None)\n"
        "from agent.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    folder(tmp_path, CLIENT)
    words = ("init", tmp_path, "--site", "depot")
    code, out, err = standing(*words, program=("-c", nobody))
    assert code == 0 and MAC in out, err
    assert load_answers(tmp_path).pins["depot"].by == "uid 54321"


def test_a_site_that_is_this_machine_needs_no_pin(tmp_path: Path) -> None:
    start, end = CLIENT.index("networks = ["), CLIENT.index("never = [")
    client = CLIENT[:start] + 'networks = [{ net = "127.9.0.0/24" }]\n' + CLIENT[end:]
    folder(tmp_path, client)
    code, out, _ = handover("init", tmp_path, "--site", "usine")
    assert code == 0 and "needs no pin" in out


def test_at_a_terminal_it_asks(tmp_path: Path) -> None:
    subnets = look().subnets()
    answers = [("Name of the client", "Durand\n"), ("Short name of the site", "hq\n")]
    answers += [("Is that the client's?", "n\n") for _ in subnets]
    answers += [("Another network", "127.7.0.0/24\n"), ("Another network", "\n")]
    answers += [("Recognise this site", "n\n")]
    answers += [
        ("medical devices", "no\n"),
        ("laboratory analysers", "127.7.0.9\n"),
        ("lifts", "\n"),
    ]
    answers += [("alarms", "unplaced\n"), ("card terminals", "no\n"), ("production", "no\n")]
    answers += [("Who signed the mandate", "Anne\n"), ("Provider who leaves", "InfoNord\n")]
    code, shown = typed(["init", tmp_path / "eng"], answers)
    assert code == 0, shown
    data = tomllib.loads((tmp_path / "eng" / "client.toml").read_text("utf-8"))
    assert data["care"] == {
        "medical": "no",
        "laboratory": "listed",
        "lift": "unknown",
        "fire_intrusion": "unplaced",
        "payment": "no",
        "production": "no",
    }
    assert data["site"][0]["networks"] == [{"net": "127.7.0.0/24", "use": "office"}]
    assert data["site"][0]["never"] == [{"net": "127.7.0.9", "why": "laboratory analysers"}]
    assert data["former"] == [{"name": "InfoNord"}]


def test_nothing_is_sent(tmp_path: Path) -> None:
    """By the interpreter's own audit of sockets, over init, plan and doctor."""
    engagement(tmp_path / "known")
    program = (
        "import json, sys\nevents = []\n"
        "sys.addaudithook(lambda e, a: events.append([e, str(a)[:200]]) if e in"
        " ('socket.connect', 'socket.sendto', 'socket.sendmsg', 'socket.bind') else None)\n"
        "from agent.cli import main\n"
        "for args in json.loads(sys.argv[1]):\n    main(args)\n"
        "print(json.dumps(events))"
    )
    calls = [
        ["init", str(tmp_path / "e"), "--client", "A", "--network", "hq=192.0.2.0/24"],
        ["init", str(tmp_path / "known"), "--site", "usine"],
        ["plan", str(tmp_path / "known")],
        ["doctor"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(calls)],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert "MAY A RUN START?" in done.stdout and "Python" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == []
