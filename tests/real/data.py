"""Servers of data: MariaDB, PostgreSQL, Mosquitto, Redis, memcached."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.real.street import Place, Recipe


def mariadb_prepare(p: Place) -> None:
    data = p.place("maria")
    p.do(
        *("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal"),
        *("--skip-test-db", f"--datadir={data}", f"--user={user()}"),
    )


def mariadb(p: Place) -> None:
    f = p.folder
    # Without any account for our address the server would not even greet us.
    init = p.place("maria.sql", "CREATE USER nobody@'%' IDENTIFIED BY 'only-of-this-test';")
    p.start(
        *("mariadbd", "--no-defaults", f"--datadir={f}/maria", f"--user={user()}"),
        *(f"--bind-address={p.address}", "--port=3306"),
        *(f"--socket={f}/maria.sock", f"--ssl-cert={f}/cert.pem", f"--ssl-key={f}/key.pem"),
        *("--skip-name-resolve", "--innodb-buffer-pool-size=16M"),
        f"--init-file={init}",
    )


def postgres_prepare(p: Place) -> None:
    data = p.place("pg", user="postgres")
    p.do(*_as_postgres(), _program("initdb"), "-D", data, "-A", "trust", "-N")
    for name in ("cert.pem", "key.pem"):
        shutil.copy(p.folder / name, data / name)
        if os.geteuid() == 0:
            shutil.chown(data / name, "postgres")
        (data / name).chmod(0o600)


def postgres(p: Place) -> None:
    data = p.folder / "pg"
    p.start(
        *_as_postgres(),
        *(_program("postgres"), "-D", data, "-p", str(5432)),
        *("-h", p.address, "-k", data, "-c", "ssl=on"),
        *("-c", "ssl_cert_file=cert.pem", "-c", "ssl_key_file=key.pem"),
    )


def mosquitto(p: Place) -> None:
    conf = p.place(
        "mosquitto.conf",
        f"listener 1883 {p.address}\nallow_anonymous true\nuser {user()}\n",
    )
    p.start("mosquitto", "-c", conf)


def redis(p: Place) -> None:
    p.start(
        *("redis-server", "--bind", p.address, "--port", str(6379)),
        *("--save", "", "--protected-mode", "no", "--dir", p.folder),
    )


def memcached(p: Place) -> None:
    port = str(11211)
    p.start("memcached", "-l", p.address, "-p", port, "-u", user(), "-m", "8")


def user() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def _as_postgres() -> tuple[str, ...]:
    """initdb and postgres refuse to run as root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")


MARIADB = Recipe(mariadb, (3306,), prepare=mariadb_prepare)
POSTGRESQL = Recipe(postgres, (5432,), prepare=postgres_prepare)
MQTT = Recipe(mosquitto, (1883,))
REDIS = Recipe(redis, (6379,))
MEMCACHED = Recipe(memcached, (11211,))
