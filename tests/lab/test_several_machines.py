"""Several web servers and worker clusters on one PostgreSQL and one Redis, started for real (MN-4).

Machine a has the node's store, a web server with TLS and two clusters. Machine b has a web server
behind nginx, on its own data folder: what it shares is in its settings.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from certificates import jobs
from certificates.models import Job, Node
from certificates.operations import verify_audit
from tests.lab.machines import Browser, Machine, kill_all_of
from tests.lab.postgres import copy_of
from tests.lab.worker import Worker
from tests.parts import needs
from tests.product import ROOT, free_port
from tests.redis_server import RedisServer, throw_away_redis

pytestmark = pytest.mark.spec("MN-4")
FRONT = """
daemon off; worker_processes 1; user root; pid {base}/nginx.pid; error_log {base}/front.log;
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path {base}; proxy_temp_path {base}; fastcgi_temp_path {base};
  uwsgi_temp_path {base}; scgi_temp_path {base};
  include {base}/ccxsec.conf;
}}
"""


@dataclass
class Site:
    """Both machines, their front, and what they share."""

    a: Machine
    b: Machine
    front: int
    redis: RedisServer
    shell: Worker

    def jobs(self) -> dict[str, list[Any]]:
        return dict(self.shell.ask(states))

    def enqueue(self, many: int) -> list[str]:
        return [str(pk) for pk in self.shell.ask(enqueue, many)]

    def ended(self, asked: list[str], *, seconds: float = 120) -> dict[str, list[Any]]:
        """The state and attempt of each, once all have ended."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.jobs()
            wanted = {job: found[job] for job in asked}
            if all(state in ("done", "failed", "cancelled") for state, _ in wanted.values()):
                return wanted
            logs = self.a.log.read_text()[-4000:] + self.b.log.read_text()[-2000:]
            assert time.monotonic() < deadline, f"{wanted} {logs}"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    nginx = needs("nginx", "nginx-light")
    folder = tmp_path_factory.mktemp("site")
    with throw_away_redis() as redis:
        shared = {"DATABASE_URL": copy_of(postgres), "REDIS_URL": redis.url}
        shared |= {"CCXSEC_SECRET_KEY": "k" * 64, "CCXSEC_HEARTBEAT_LIMIT": "60"}
        shared |= {"CCXSEC_WEB_WORKERS": "1", "CCXSEC_WEB_THREADS": "4"}
        a = Machine(folder / "a", settings=dict(shared))
        done = a.run("up", "--setup-only")
        assert done.returncode == 0, done.stderr
        shell = Worker(a.data, **shared)
        b = Machine(folder / "b", settings=shared | proxied(folder))
        front = start_front(nginx, folder, a.data / "store" / "tomcat", b)
        try:
            for machine in (a, b):  # all of them at once would wait long for two cores
                machine.begin("web")
            a.wait_for(roles=1)
            b.wait_for(roles=1)
            a.begin("worker")
            a.begin("worker")
            a.wait_for(roles=3)
            yield Site(a, b, b.port, redis, shell)
            assert set(a.end() + b.end()) == {0}
            assert "Traceback" not in a.log.read_text() + b.log.read_text()
        finally:
            shell.kill()
            front.terminate()
            front.wait(20)
            for role in a.roles + b.roles:
                if role.poll() is None:
                    kill_all_of(role)


def proxied(folder: Path) -> dict[str, str]:
    """The settings of a machine with a web server only, behind a proxy."""
    keys = ",".join((folder / "a" / "master.keys").read_text().split())
    return {
        "CCXSEC_BIND": str(folder / "b.sock"),
        "CCXSEC_BEHIND_PROXY": "true",
        "CCXSEC_MASTER_KEYS": keys,
        "CCXSEC_ALLOWED_HOSTS": "ccx1.example.com",
        "CCXSEC_LOG_FORMAT": "json",
        "CCXSEC_ACCESS_LOG": "true",
        "CCXSEC_METRICS_TOKEN": "m" * 32,
    }


def start_front(nginx: str, folder: Path, store: Path, b: Machine) -> subprocess.Popen[bytes]:
    """The shipped configuration, with other ports, names and paths in it."""
    text = (ROOT / "deploy" / "nginx" / "ccxsec.conf").read_text()
    for shipped, own in {
        r"listen (\[::\]:)?80;": f"listen 127.0.0.1:{free_port()};",
        r"listen (\[::\]:)?443 ssl;": f"listen 127.0.0.1:{b.port} ssl;",
        "/run/ccxsec/web.sock": b.settings["CCXSEC_BIND"],
        "/etc/nginx/ccxsec-proxy.conf": f"{folder}/ccxsec-proxy.conf",
        "/var/lib/ccxsec/store/tomcat": str(store),
    }.items():
        text, times = re.subn(shipped, own, text)
        assert times, shipped
    once = text.splitlines()
    kept = [line for i, line in enumerate(once) if "listen" not in line or line != once[i - 1]]
    (folder / "ccxsec.conf").write_text("\n".join(kept))
    shutil.copy(ROOT / "deploy" / "nginx" / "ccxsec-proxy.conf", folder)
    (folder / "nginx.conf").write_text(FRONT.format(base=folder))
    command = [nginx, "-c", str(folder / "nginx.conf"), "-e", str(folder / "front.log")]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    return subprocess.Popen(command)


def test_jobs_that_are_asked_for_at_two_web_servers_run_once_each(site: Site) -> None:
    at_a = Browser(site.a.port).sign_in()
    at_b = Browser(site.front, cookies=at_a.cookies)  # the session of one holds at the other
    before = set(site.jobs())
    for browser in (at_a, at_b):
        for verb in ("check", "deploy"):
            for service in ("tomcat", "ipsec"):
                url = f"/admin/certificates/node/1/{verb}/"
                status, where, _ = browser.post(url, service=service)
                assert (status, "/job/" in where) == (302, True), (status, where)
    many = site.enqueue(30)

    made = list(set(site.jobs()) - before)
    ended = site.ended(made)

    assert set(many) <= set(made)
    assert {tuple(end) for end in ended.values()} == {("done", 1)}


def test_the_front_is_believed_about_addresses_and_its_clients_are_not(site: Site) -> None:
    forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    forged |= {"Forwarded": "for=203.0.113.9", "X-Request-ID": "forged-forged-forged"}
    size = site.b.log.stat().st_size

    visitor = Browser(site.front, headers=forged)
    status, _, page = visitor.ask("GET", "/admin/login/?next=/forged")

    assert (status, "csrfmiddlewaretoken" in page) == (200, True)  # not sent to HTTPS once more
    lines = [json.loads(line) for line in site.b.log.read_bytes()[size:].splitlines()]
    [noted] = [line for line in lines if line.get("path") == "/admin/login/"]
    assert noted["address"] == "127.0.0.1"
    assert "forged" not in json.dumps(noted)
    static = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert static
    assert visitor.ask("GET", static[1])[0] == 200
    assert visitor.ask("GET", "/admin/", Host="other.example.com")[0] == 400


def test_the_front_speaks_tls_1_2_and_1_3_with_the_certificate_of_the_node(site: Site) -> None:
    shown = {}
    for version in ("tls1_1", "tls1_2", "tls1_3"):
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{site.front}", f"-{version}"]
        done = subprocess.run(command, input=b"", capture_output=True, check=False)
        shown[version] = done.returncode
    assert shown == {"tls1_1": 1, "tls1_2": 0, "tls1_3": 0}
    b = Machine(site.b.data, port=site.front)
    assert b.served_fingerprint() == site.a.served_fingerprint()


def test_it_is_ready_and_measured_at_each_port(site: Site) -> None:
    for browser in (Browser(site.a.port), Browser(site.front)):
        browser.headers["Host"] = "192.0.2.200"
        deadline = time.monotonic() + 60  # a cluster that has just begun has given no sign yet
        while (answer := browser.ask("GET", "/readyz"))[0] != 200:
            assert time.monotonic() < deadline, answer
            time.sleep(0.5)
        assert browser.ask("GET", "/healthz")[2] == "ok\n"
    deadline, text = time.monotonic() + 60, ""
    while "ccxsec_worker_clusters 2.0" not in text:  # once both have given a sign
        assert time.monotonic() < deadline, text
        token = "Bearer " + "m" * 32
        status, _, text = Browser(site.front).ask("GET", "/metrics", Authorization=token)
        assert status == 200
        time.sleep(0.5)
    assert Browser(site.a.port).ask("GET", "/metrics")[0] == 404


def test_what_redis_forgets_is_done_all_the_same(site: Site) -> None:
    first = site.enqueue(20)
    site.redis.flush()
    site.redis.kill()
    while_away = Browser(site.front).sign_in().post("/admin/monitor/run/")
    second = site.enqueue(20)
    site.redis.start()

    ended = site.ended([*first, *second])

    assert while_away[0] == 302
    assert {state for state, _ in ended.values()} == {"done"}


def test_the_work_goes_on_when_a_cluster_is_killed(site: Site) -> None:
    kill_all_of(site.a.roles[1])
    made = site.enqueue(20)

    ended = site.ended(made)

    assert {tuple(end) for end in ended.values()} == {("done", 1)}
    assert site.shell.ask(audit_problem) == ""


# --- Run in the worker ---------------------------------------------------------------------------
def enqueue(many: int) -> list[int]:
    """Looks at the store, as one transaction asks for them; their numbers."""
    node = Node.objects.local().pk
    wanted: dict[str, Any] = {"started_by": "test", "node": node, "service": "tomcat"}
    with transaction.atomic():
        return [jobs.enqueue("check", "a store", **wanted).pk for _ in range(many)]


def states() -> dict[int, list[Any]]:
    return {row.pk: [row.state, row.attempt] for row in Job.objects.all()}


def audit_problem() -> str:
    return verify_audit().problem
