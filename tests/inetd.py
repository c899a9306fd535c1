"""`python -m tests.inetd ADDRESS PORT PROGRAM...`: starts PROGRAM for each connection, with the connection as its standard streams."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys


def main(address: str, port: int, command: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server((address, port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                stream = connection.fileno()
                subprocess.Popen(command, stdin=stream, stdout=stream, stderr=stream)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
