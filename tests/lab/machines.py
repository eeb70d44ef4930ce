"""Several machines of one installation: each has a data folder, and shares database and Redis."""

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

import psutil

from tests.product import PASSWORD, ROOT, Product

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Machine(Product):
    """A product whose roles run by themselves."""

    roles: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def begin(self, role: str) -> subprocess.Popen[bytes]:
        """`web` or `worker`; `wait_for` tells when it is there."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", role],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.roles.append(process)
        return process

    def wait_for(self, *, roles: int) -> None:
        """Until so many roles have said that they run."""
        deadline = time.monotonic() + 120
        while self.log.read_text().count("Ctrl-C stops it.") < roles:
            ended = [role for role in self.roles if role.poll() is not None]
            assert not ended, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def end(self) -> list[int]:
        """SIGTERM to what still runs; the statuses."""
        running = [role for role in self.roles if role.poll() is None]
        for role in running:
            role.send_signal(signal.SIGTERM)
        return [role.wait(60) for role in running]


def kill_all_of(role: subprocess.Popen[bytes]) -> None:
    """As when its machine loses power: the supervisor, and everything below it, at once."""
    processes: Iterable[psutil.Process] = psutil.Process(role.pid).children(recursive=True)
    role.kill()
    for process in processes:
        if process.is_running():
            os.kill(process.pid, signal.SIGKILL)
    role.wait()


@dataclass
class Browser:
    """Somebody at a port, over TLS or at a socket; cookies may be carried to another port."""

    port: int = 0
    path: Path | None = None
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, url: str, body: str = "", **headers: str) -> tuple[int, str, str]:
        """Status, Location or "", and the page."""
        asking = self._connection()
        given = {"Host": f"ccx1.example.com:{self.port}", "Origin": self.origin}
        given |= {"Referer": f"{self.origin}/"} | self.headers | headers
        given["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        asking.request(method, url, body=body, headers=given | (FORM if body else {}))
        answer = asking.getresponse()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        page = answer.read().decode()
        asking.close()
        return answer.status, answer.headers.get("Location", ""), page

    @property
    def origin(self) -> str:
        return f"https://ccx1.example.com:{self.port}"

    def _connection(self) -> http.client.HTTPConnection:
        if self.path:
            plain = http.client.HTTPConnection("localhost", timeout=60)
            plain.sock = socket.socket(socket.AF_UNIX)
            plain.sock.connect(str(self.path))
            return plain
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)

    def post(self, url: str, **fields: str) -> tuple[int, str, str]:
        """With the token that any page gives."""
        page = self.ask("GET", "/admin/login/")[2] if not self.token else ""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        token = found[1] if found else self.token
        return self.ask("POST", url, urlencode(fields | {"csrfmiddlewaretoken": token}))

    @property
    def token(self) -> str:
        return self.cookies.get("__Host-ccxsec-csrf", "")

    def sign_in(self) -> Self:
        status, where, page = self.post("/admin/login/", username="admin", password=PASSWORD)
        assert status == 302, (status, where, page)
        return self
