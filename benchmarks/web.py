"""The Certificate List under load, by the product's own web server, beside an empty Django view.

Both are asked for over HTTPS on loopback by `wrk`, with the same session, and go through the same
middleware; the empty view is an address that only this benchmark adds.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ssl import CERT_NONE, create_default_context
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks.environment import HOST_NAME
from benchmarks.report import Table
from benchmarks.rows import fill
from certificates.access import Actor
from certificates.models import Node, Service
from certificates.operations import deploy

CERTIFICATES, CONNECTIONS, THREADS = 1_000, 50, 2
SECONDS, WARM_UP = 15, 3  # of each measurement
LIST, EMPTY = "/admin/certificates/certificate/", "/empty/"
# What wrk knows of a run, as one line of JSON; latencies in microseconds. Where pages are to be
# made anew, each request names another port of the same host, which is another page (`ANEW`).
_SCRIPT = """
local count = 0
if os.getenv("ANEW") then
  request = function()
    count = count % 60000 + 1
    wrk.headers["Host"] = os.getenv("ANEW") .. ":" .. count
    return wrk.format()
  end
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"us":%d,"p50":%d,"p99":%d,"max":%d,"errors":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    latency.max, e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Served:
    """The running web server."""

    port: int
    process: psutil.Process

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes, which all stay."""
        times = [one.cpu_times() for one in (self.process, *self.process.children())]
        return sum(one.user + one.system for one in times)


def measure(options: Namespace) -> list[Table]:
    if shutil.which("wrk") is None:
        sys.exit("ccxsec bench web needs wrk (Debian: apt-get install wrk).")
    print(f"web: {CERTIFICATES:,} certificates ...", file=sys.stderr)
    fill(CERTIFICATES, timezone.now())
    if connection.vendor == "postgresql":
        connection.cursor().execute("VACUUM ANALYZE")  # autovacuum does it, only later
    cookie = _session()
    with _served() as server:
        runs = [
            ("empty view, signed in", _load(server, EMPTY, cookie)),
            ("Certificate List, 25 rows", _load(server, LIST, cookie)),
            ("Certificate List, made anew each time", _load(server, LIST, cookie, anew=True)),
            ("empty view, nobody signed in", _load(server, EMPTY, "")),
        ]
    empty = runs[0][1]["a_second"]
    return [
        Table(
            f"wrk on loopback, HTTPS, {CONNECTIONS} connections, {SECONDS} s each, "
            f"{settings.CCXSEC_WEB_WORKERS} processes of {settings.CCXSEC_WEB_THREADS} threads, "
            f"{os.cpu_count()} cores",
            (
                "what",
                "requests a second",
                "times the empty view",
                "CPU ms each",
                "p50 ms",
                "p99 ms",
                "max ms",
            ),
            [
                (
                    name,
                    run["a_second"],
                    run["a_second"] / empty,
                    run["cpu"],
                    run["p50"] / 1000,
                    run["p99"] / 1000,
                    run["max"] / 1000,
                )
                for name, run in runs
            ],
        )
    ]


def _session() -> str:
    """The cookie of a superuser who has signed in."""
    client = Client(headers={"host": HOST_NAME})
    client.force_login(User.objects.create_superuser("bench", password=os.urandom(12).hex()))
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


@contextmanager
def _served() -> Iterator[Served]:
    """The product's web server, as `./ccxsec up` starts it, with one more address."""
    deploy(Node.objects.local(), Service.TOMCAT, actor=Actor("benchmark"), now=timezone.now())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.web_settings",
            "CCXSEC_LISTENER": str(listener.fileno()),
            "CCXSEC_ALLOWED_HOSTS": HOST_NAME,
            "DATABASE_URL": _database_url(),
        }
        words = ["-m", "gunicorn", "--config", "python:ccxsec_project.web", "ccxsec_project.wsgi"]
        server = subprocess.Popen(
            [sys.executable, *words], env=environment, pass_fds=[listener.fileno()]
        )
        try:
            _wait_for(listener.getsockname()[1])
            yield Served(listener.getsockname()[1], psutil.Process(server.pid))
        finally:
            server.terminate()
            server.wait(timeout=60)


def _database_url() -> str:
    """Of the benchmark's own database, whichever server has it."""
    url = os.environ["DATABASE_URL"]
    if connection.vendor == "sqlite":
        return url
    return urlsplit(url)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def _wait_for(port: int) -> None:
    context = create_default_context()
    context.check_hostname, context.verify_mode = False, CERT_NONE
    request = urllib.request.Request(
        f"https://127.0.0.1:{port}{EMPTY}", headers={"Host": HOST_NAME}
    )
    for _ in range(600):
        try:
            urllib.request.urlopen(request, timeout=5, context=context).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the web server does not answer")


def _load(server: Served, path: str, cookie: str, *, anew: bool = False) -> dict[str, float]:
    _wrk(server.port, path, cookie, WARM_UP, anew=anew)
    before = server.cpu_seconds
    run = _wrk(server.port, path, cookie, SECONDS, anew=anew)
    assert not run["errors"], f"{path}: {run['errors']} requests failed"
    cpu = 1000 * (server.cpu_seconds - before) / max(run["requests"], 1)
    return run | {"a_second": run["requests"] * 1e6 / run["us"], "cpu": cpu}


def _wrk(port: int, path: str, cookie: str, seconds: int, *, anew: bool) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT)
        script.flush()
        headers = ["-H", f"Host: {HOST_NAME}"] + (["-H", f"Cookie: {cookie}"] if cookie else [])
        shape = [f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s"]
        done = subprocess.run(
            ["wrk", *shape, *headers, "-s", script.name, f"https://127.0.0.1:{port}{path}"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | ({"ANEW": HOST_NAME} if anew else {}),
        )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
