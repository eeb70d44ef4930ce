"""What is deployed is served: by nginx from PEM, by Apache Tomcat from PKCS#12, after a restart."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from certificates import jobs
from certificates.access import Actor
from certificates.models import Certificate, Job, Node, Purpose, RestartNotice, Service
from certificates.operations import deploy, generate, request_restart, save_place
from certificates.operations.generate import CA_SIGNED
from certificates.operations.reach import Place
from certificates.x509.policy import KeyChoice
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active, ask, ca, put
from tests.parts import is_missing, needs
from tests.product import free_port

__all__ = ["ask", "ca", "put"]
pytestmark = [pytest.mark.django_db, pytest.mark.spec("CM-7")]

NGINX = """
daemon off; worker_processes 1; user root; pid {base}/nginx.pid; error_log {base}/log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {base}; proxy_temp_path {base}; fastcgi_temp_path {base};
  uwsgi_temp_path {base}; scgi_temp_path {base};
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {store}/current/fullchain.pem;
    ssl_certificate_key {store}/current/key.pem;
    return 200 "served";
  }}
}}
"""
TOMCAT = """<Server port="-1"><Service name="Catalina">
<Connector port="{port}" address="127.0.0.1" SSLEnabled="true" scheme="https" secure="true"
  protocol="org.apache.coyote.http11.Http11NioProtocol"><SSLHostConfig
  truststoreFile="{store}/current/truststore.p12" truststorePassword="{password}"
  truststoreType="PKCS12" certificateVerification="optional"><Certificate
  certificateKeystoreFile="{store}/current/keystore.p12" certificateKeystoreType="PKCS12"
  certificateKeystorePassword="{password}"/></SSLHostConfig></Connector>
<Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
</Service></Server>
"""


@pytest.fixture
def store(node: Node, actor: Actor, settings: Settings) -> Path:
    deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())
    return Path(settings.CCXSEC_STORE) / "tomcat"


def regenerate(node: Node, actor: Actor, key: str = KeyChoice.EC_P256) -> Certificate:
    return generate(
        node,
        Purpose.TOMCAT,
        key=key,
        replacing=active(node).fingerprint,
        confirmed=[CA_SIGNED],
        actor=actor,
        now=timezone.now(),
    ).certificate


def restart(actor: Actor) -> Job:
    notice = RestartNotice.objects.open().select_related("node").get(service="tomcat")
    done = jobs.run(request_restart(notice, actor=actor).pk)
    assert done
    return done


def shown(port: int) -> str:
    """SHA-256 that `openssl s_client` sees, lower-case hexadecimal."""
    connect = [needs("openssl", "openssl"), "s_client", "-connect", f"127.0.0.1:{port}"]
    seen = subprocess.run(connect, input=b"", capture_output=True, timeout=30, check=False).stdout
    read = ["openssl", "x509", "-noout", "-fingerprint", "-sha256"]
    done = subprocess.run(read, input=seen, capture_output=True, timeout=30, check=True)
    return re.sub(r".*=|:|\s", "", done.stdout.decode()).lower()


@contextmanager
def child(command: list[str], log: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that listens on `port`, ended by its process id."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_nginx_serves_a_new_certificate_after_its_restart_and_the_notice_closes(
    node: Node, actor: Actor, store: Path, tmp_path: Path
) -> None:
    nginx, port = needs("nginx", "nginx-light"), free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(base=tmp_path, port=port, store=store))
    command = f"{nginx} -c {config} -e {tmp_path}/log"
    place = Place(restart_command=f"{command} -s reload", probe_host="127.0.0.1", probe_port=port)
    save_place(node, Service.TOMCAT, place, actor=actor)

    with child(command.split(), tmp_path / "out", port):
        before = shown(port)
        made = regenerate(node, actor)
        job = restart(actor)
        after = shown(port)

    notice = RestartNotice.objects.get(service="tomcat")
    assert before != after == made.fingerprint
    assert job.state == "done", job.messages
    assert (notice.closing, notice.closed_by) == ("seen", "test")
    assert "A TLS handshake shows the new certificate" in job.messages[-1]


def test_tomcat_serves_from_the_key_store_with_the_same_password_ever_after(
    node: Node, actor: Actor, store: Path, tmp_path: Path, ca: Authority, ask: Ask, put: Put
) -> None:
    java = needs("java", "default-jre-headless")
    jars = sorted(Path("/usr/share/java").glob("tomcat10-*.jar"))
    if not jars:
        is_missing("Apache Tomcat 10", "libtomcat10-java")
    put(ca.pkcs7(ca.sign(ask().pem), ca.sub, ca.root))
    deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())
    port, base = free_port(), tmp_path / "tomcat"
    for name in ("conf", "webapps", "temp", "logs"):
        (base / name).mkdir(parents=True)
    password = (store / "current" / "keystore.password").read_text()
    server = TOMCAT.format(port=port, store=store, password=password)
    (base / "conf" / "server.xml").write_text(server)
    command = [java, "-Xmx128m", f"-Dcatalina.base={base}", f"-Dcatalina.home={base}"]
    command += ["-cp", ":".join(map(str, jars)), "org.apache.catalina.startup.Tomcat"]

    with child(command, tmp_path / "log", port):
        first = shown(port)
    identity = active(node)
    made = regenerate(node, actor, KeyChoice.RSA_2048)
    deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())
    with child(command, tmp_path / "log", port):
        second = shown(port)

    assert first == identity.fingerprint
    assert second == made.fingerprint
    assert "SEVERE" not in (tmp_path / "log").read_text()


def test_keytool_reads_both_stores(
    node: Node, actor: Actor, store: Path, ca: Authority, ask: Ask, put: Put
) -> None:
    keytool = needs("keytool", "default-jre-headless")
    put(ca.pkcs7(ca.sign(ask().pem), ca.sub, ca.root))
    deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())

    def listed(name: str) -> str:
        pair = ["-storepass:file", str(store / "current" / "keystore.password")]
        words = [keytool, "-J-Duser.language=en", "-list", "-v", "-keystore"]
        file = str(store / "current" / name)
        done = subprocess.run([*words, file, *pair], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    keys, trust = listed("keystore.p12"), listed("truststore.p12")

    assert "Entry type: PrivateKeyEntry" in keys
    assert "Certificate chain length: 2" in keys
    assert trust.count("Entry type: trustedCertEntry") == 2
    own = active(node).fingerprint.upper()
    assert ":".join(own[i : i + 2] for i in range(0, 64, 2)) in keys
