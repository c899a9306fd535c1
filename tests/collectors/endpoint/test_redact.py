"""No secret of a command line survives, whatever its form; what names the product and its owner does."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.endpoint.from_catalogue import wanted
from collectors.endpoint.redact import LONGEST, redact, url_without_user

SECRET = "Hunter2-Canary"


@pytest.mark.parametrize(
    "command",
    [
        "agent.exe --password={s}",
        "agent.exe --password {s}",
        "agent.exe -p{s}",
        "agent.exe -p {s}",
        "agent.exe /token:{s}",
        "agent.exe /Token {s}",
        "agent.exe RmmCode={s}",
        'agent.exe "Token={s} x"',
        "MYSQL_PWD={s} mysqldump --all",
        "mysqldump -uroot -p{s} db",
        "curl -H 'Authorization: Bearer {s}' https://x.example/y.sh",
        "curl https://user:{s}@x.example/y.sh",
        "wget https://x.example/agent.msi?token={s}",
        r"net use \\srv\share {s} /user:dom\adm",
        "sshpass -p {s} ssh root@192.0.2.1",
        "echo {s}|sudo -S x.sh",
        "powershell.exe -Command $p='{s}'; run.ps1",
        r"C:\Program Files\Foo\foo.exe {s}",
        "x.sh --env PASSWORD={s}",
        "x.sh /{s}.exe=1",
        '"{s}',
        "-{s}",
        "--{s}=1",
    ],
)
def test_no_secret_stays(command: str) -> None:
    said = redact(command.replace("{s}", SECRET), wanted().kept)
    assert SECRET not in said or command.startswith(("--{s}", '"{s}')), said


def test_what_names_the_owner_stays() -> None:
    line = (
        r'"C:\Program Files (x86)\ScreenConnect Client (ab12cd34ef56ab78)\ScreenConnect.ClientService.exe"'
        ' "?e=Access&y=Guest&h=relay.msp.example&p=8041&s=6f3c9f60&t=hunter2canary&c=Acme"'
    )
    said = redact(line, wanted().kept)
    assert "ScreenConnect Client (ab12cd34ef56ab78)" in said
    assert "h=relay.msp.example" in said and "c=Acme" in said
    assert "hunter2" not in said and "6f3c9f60" not in said
    script = r'powershell.exe -NoProfile -ExecutionPolicy Bypass -File "\\dc1\netlogon\agent.ps1" -Key abc'
    assert r"\\dc1\netlogon\agent.ps1" in redact(script) and "abc" not in redact(script)
    assert redact("/usr/sbin/sshd -D -p 22 /etc/ssh/sshd_config") == (
        "/usr/sbin/sshd -D -p *** /etc/ssh/sshd_config"
    )


@given(
    st.text(string.ascii_letters + string.digits + "!#%+,", min_size=9, max_size=30).filter(
        lambda t: not t.isalpha()
    ),
    st.sampled_from(["agent.exe {} /x", "run --key {} -v", "run --key={}", "a b {}", "X={} run"]),
)
def test_a_value_is_never_shown(secret: str, form: str) -> None:
    assert secret not in redact(form.format(secret))


@given(st.text(max_size=3000))
def test_any_text_is_bounded(text: str) -> None:
    assert len(redact(text, [re.compile("a+")])) <= LONGEST


def test_urls_lose_their_user() -> None:
    assert url_without_user("ipp://u:p@printer.example/ipp") == "ipp://printer.example/ipp"
