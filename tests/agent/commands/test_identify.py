"""`handover identify`: a line or an object a recording; a file that is none does not take the others along."""

from __future__ import annotations

import json
from pathlib import Path

from agent.commands.printed import Identified
from tests.agent.commands.inside import Inside

UPS = """1.3.6.1.2.1.1.1.0|4|Sample
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.318.1.3.27
1.3.6.1.4.1.318.1.1.1.1.1.1.0|4|Smart-UPS 1500
1.3.6.1.4.1.318.1.1.1.1.2.3.0|4|AS0000000001
"""


def test_a_folder_of_recordings(tmp_path: Path, inside: Inside) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "ups.snmprec").write_text(UPS)
    (tmp_path / "letter.snmprec").write_bytes(b"%PDF-1.4\nno recording\n")
    (tmp_path / "notes.txt").write_text(UPS)
    code, out, _ = inside("identify", "--snmprec", tmp_path, "--json")
    ups, letter = map(Identified.model_validate_json, out.splitlines())
    assert code == 3
    assert (ups.recording, ups.vendor, ups.type, ups.model) == (
        "ups",
        "APC",
        "ups",
        "Smart-UPS 1500",
    )
    assert (ups.serial, ups.version, ups.error) == ("AS0000000001", "", "")
    (serial,) = [e for e in ups.evidence if e.field == "serial"]
    assert serial.oid == "1.3.6.1.4.1.318.1.1.1.1.2.3.0"
    assert letter.error == "no line of the format OID|TAG|VALUE"
    assert not letter.vendor


def test_for_people(tmp_path: Path, inside: Inside) -> None:
    file = tmp_path / "ups.snmprec"
    file.write_text(UPS)
    code, out, err = inside("identify", "--snmprec", file, file)
    assert (code, err) == (0, "")
    assert out.splitlines() == 2 * ["ups\tAPC\tups\t-\tSmart-UPS 1500\t-\tAS0000000001\t94 %"]
    (tmp_path / "bad.snmprec").write_text("words\n")
    code, out, err = inside("identify", "--snmprec", tmp_path / "bad.snmprec")
    assert (code, out) == (3, "")
    assert "bad.snmprec: no line of the format" in err


def test_usage(tmp_path: Path, inside: Inside) -> None:
    code, _, err = inside("identify")
    assert code == 2
    assert "--snmprec" in err
    assert inside("identify", "--snmprec", tmp_path / "nosuch")[0] == 2


def test_its_schema_is_printed(inside: Inside) -> None:
    code, out, _ = inside("schema", "identify")
    assert code == 0
    assert {"recording", "serial", "evidence"} <= set(json.loads(out)["properties"])
