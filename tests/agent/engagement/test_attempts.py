"""One try: a refusal is remembered by every probe, host, process and run until a person says otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract import Refused
from agent.credentials import AccountBook
from agent.engagement.answers import locked
from agent.engagement.attempts import AlreadyRefused, AttemptLog
from agent.engagement.engagement import Engagement
from agent.engagement.problems import EngagementError
from tests.agent.engagement.sample import engagement

CANARY = "Tr0ub4dor&3-canary"


def book(e: Engagement) -> AccountBook:
    return AccountBook(e, guard=lambda: None, environ={})


def test_a_refusal_is_remembered_everywhere(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    with book(e).try_once("ad", "dc1") as attempt:
        attempt.refused("52e")
    for host in ("dc1", "dc2"):
        with pytest.raises(AlreadyRefused) as caught, book(e).try_once("ad", host):
            pytest.fail("tried again")
        assert "dc1 refused it (52e)" in str(caught.value)
        assert "--retry-account ad" in str(caught.value)
        assert isinstance(caught.value, Refused)
    assert book(e).barred("ad") and not book(e).barred("snmp")
    with book(e).try_once("snmp", "dc1") as attempt:
        attempt.accepted()
    book(e).retry("ad")
    with book(e).try_once("ad", "dc1") as attempt:
        attempt.accepted()


def test_the_try_is_on_disk_before_it_is_made_and_counts_when_cut_off(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom agent.engagement.attempts import AttemptLog\n"
        "with AttemptLog(Path(sys.argv[1])).try_once('ad', 'dc1'):\n"
        "    print('trying', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == "trying\n"
        with (
            pytest.raises(AlreadyRefused, match="has not ended, or was cut off"),
            book(e).try_once("ad", "dc2"),
        ):
            pytest.fail("tried while another try was under way")
        child.send_signal(signal.SIGKILL)
    with pytest.raises(AlreadyRefused), book(e).try_once("ad", "dc1"):
        pytest.fail("tried again")


def test_an_identity_that_was_taken_is_fanned_out(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path)
    with log.try_once("sw", "10.0.0.1") as attempt:
        attempt.accepted()
        attempt.refused("a second word changes nothing")
    with log.try_once("sw", "10.0.0.2") as attempt:
        attempt.refused()
    with log.try_once("sw", "10.0.0.3") as attempt:
        attempt.accepted()
    with (
        pytest.raises(AlreadyRefused, match=r"10\.0\.0\.2 refused it"),
        log.try_once("sw", "10.0.0.2"),
    ):
        pytest.fail("tried again")
    assert log.barred("sw") == ""


def test_what_never_reached_the_peer_may_be_tried_again(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path)
    for _ in range(2):
        with log.try_once("ad", "dc1") as attempt:
            attempt.withdrawn("connection refused")


def test_an_error_within_the_try_counts_as_refused(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path)
    with pytest.raises(OSError), log.try_once("ad", "dc1"):
        raise OSError("reset by peer")
    with pytest.raises(AlreadyRefused), log.try_once("ad", "dc1"):
        pytest.fail("tried again")


def test_a_torn_last_line_is_left_and_the_next_one_whole(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path)
    with log.try_once("ad", "dc1") as attempt:
        attempt.accepted()
    with (tmp_path / "attempts").open("ab") as stream:
        stream.write(b'{"at": 17, "event": "tr')
    with log.try_once("ad", "dc1") as attempt:
        attempt.refused()
    assert log.barred("ad") == "" and "dc1 refused" in log._barred("ad", "dc1")


def test_a_file_of_something_else_bars_every_try(tmp_path: Path) -> None:
    (tmp_path / "attempts").write_text('{"event": "hello"}\n')
    with (
        pytest.raises(EngagementError, match="a line that is not ours"),
        AttemptLog(tmp_path).try_once("ad", "dc1"),
    ):
        pytest.fail("tried")
    (tmp_path / "attempts").unlink()
    (tmp_path / "attempts").mkdir()
    with (
        pytest.raises(EngagementError, match="cannot be read"),
        AttemptLog(tmp_path).try_once("ad", "dc1"),
    ):
        pytest.fail("tried")


RACE = """
import sys
import time
from pathlib import Path
from agent.engagement.answers import locked
from agent.engagement.attempts import AlreadyRefused, AttemptLog
try:
    with AttemptLog(Path(sys.argv[1])).try_once("ad", "dc1") as attempt:
        print("tried")
        attempt.refused()
except AlreadyRefused:
    print("barred")
"""


WAIT = RACE.replace("try:", 'print("ready", flush=True)\ntry:', 1)


def test_a_try_waits_for_what_another_process_is_writing(tmp_path: Path) -> None:
    log = AttemptLog(tmp_path)
    with locked(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", WAIT, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(0.5)  # time to go wrong in; without the lock it would have tried by now
        log._write("try", "ad", "dc1", "x", "")
        log._write("refused", "ad", "dc1", "x", "52e")
    assert child.communicate(timeout=100)[0] == "barred\n"


def test_of_many_processes_one_tries(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = sorted(p.communicate(timeout=100)[0].strip() for p in running)
    assert said == ["barred", "barred", "barred", "tried"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from("xy"),
            st.sampled_from(["accepted", "refused", "withdrawn", "lost", "retry"]),
        ),
        max_size=8,
    )
)
def test_never_a_second_refusal_without_a_word(steps: list[tuple[str, str, str]]) -> None:
    """Whatever the order: between two refusals of an identity at a place stands a `retry`."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        log = AttemptLog(Path(name))
        refused: set[tuple[str, str]] = set()
        good: set[str] = set()
        for account, host, outcome in steps:
            if outcome == "retry":
                log.retry(account)
                refused = {r for r in refused if r[0] != account}
                good.discard(account)
                continue
            expected = any(
                r[0] == account and (r[1] == host or account not in good) for r in refused
            )
            try:
                with log.try_once(account, host) as attempt:
                    if outcome != "lost":
                        getattr(attempt, outcome)()
            except AlreadyRefused:
                assert expected
                continue
            assert not expected
            if outcome == "accepted":
                good.add(account)
            elif outcome in ("refused", "lost"):
                refused.add((account, host))


def test_tries_that_share_a_way_to_the_disk_are_all_on_it_before_they_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    e = engagement(tmp_path)
    log, real, synced = AttemptLog(e.folder), os.fsync, [b"", b""]

    def noted(handle: int) -> None:
        before = (e.folder / "attempts").read_bytes()
        time.sleep(0.01)
        real(handle)
        synced.append(before)

    monkeypatch.setattr(os, "fsync", noted)

    def one(number: int) -> bool:
        with log.try_once("snmp", f"host{number}", alone=False) as attempt:
            there = f'"host{number}"'.encode() in max(synced, key=len)
            attempt.accepted()
        return there

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(40)))
    # Of eighty lines; without sharing, each has a way of its own.
    assert len(synced) - 2 < 60
    assert not any(log._barred("snmp", f"host{n}", alone=False) for n in range(40))
