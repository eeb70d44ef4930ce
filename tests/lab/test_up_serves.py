"""What `./ccxsec up` serves, to whom, and that a restart disturbs nobody: all at one product."""

import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPSConnection

import pytest

from tests.lab.test_up import refused, slowness
from tests.product import ROOT, Product


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product.running(tmp_path_factory.mktemp("serves")) as running:
        yield running


def believing() -> ssl.SSLContext:
    """Of a client that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def ask(product: Product, host: str = "localhost") -> int:
    """The status of the login page, called by that host name."""
    browser = HTTPSConnection("127.0.0.1", product.port, context=believing(), timeout=60)
    browser.request("GET", "/admin/login/", headers={"Host": f"{host}:{product.port}"})
    status = browser.getresponse().status
    browser.close()
    return status


def test_a_second_one_on_the_same_data_is_one_line(product: Product) -> None:
    assert "already runs" in refused(product)


def test_it_answers_to_the_names_that_it_prints_and_to_no_other(product: Product) -> None:
    assert ask(product, "ccx1.example.com") == 200
    assert ask(product, "127.0.0.1") == 200
    assert ask(product, "other.example.com") == 400


def seconds_beside(product: Product, clients: int, *, each_says: bytes) -> float:
    """How long the login page takes while so many clients go no further."""
    there = "127.0.0.1", product.port
    with ExitStack() as held:
        for _ in range(clients):
            held.enter_context(socket.create_connection(there, 20)).sendall(each_says)
        begun = time.monotonic()
        assert ask(product) == 200
        return time.monotonic() - begun


def test_clients_that_stall_in_the_handshake_hold_nobody_up_for_long(product: Product) -> None:
    seconds = seconds_beside(product, 40, each_says=b"\x16")

    assert seconds < 10 * slowness()  # two rounds of 4 s, as 32 threads take 40 clients


def test_clients_that_say_nothing_hold_nobody_up(product: Product) -> None:
    seconds = seconds_beside(product, 80, each_says=b"")

    assert seconds < 3 * slowness(), "gunicorn lets each hold a thread for 5 s, of which are 32"


def test_only_ciphers_with_forward_secrecy_are_spoken(product: Product) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{product.port}", "-tls1_2", "-cipher"]
    spoken = {
        cipher: subprocess.run([*command, cipher], input=b"", capture_output=True, check=False)
        for cipher in ("AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-GCM-SHA384")
    }

    assert [done.returncode for done in spoken.values()] == [1, 1, 0]


def test_static_files_are_compressed_and_kept_for_ever(product: Product) -> None:
    browser = HTTPSConnection("localhost", product.port, context=believing(), timeout=20)
    browser.request("GET", "/admin/login/")
    page = browser.getresponse().read().decode()
    found = re.search(r'href="(/static/ccxsec/theme\.[0-9a-f]+\.css)"', page)
    assert found
    browser.request("GET", found[1], headers={"Accept-Encoding": "gzip"})
    answer = browser.getresponse()
    sent = answer.read()
    browser.close()

    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Strict-Transport-Security"]
    source = (ROOT / "certificates/static/ccxsec/theme.css").stat().st_size
    assert len(sent) < source / 2


@pytest.mark.spec("MN-4", "CM-7")
def test_a_restart_drops_no_request_and_shows_the_new_certificate(product: Product) -> None:
    before = product.served_fingerprint()
    assert product.run("cert", "regen", "tomcat", "--curve", "P-256", "--yes").returncode == 0
    assert product.served_fingerprint() == before
    slow = half_a_request(product)
    stop, failures = threading.Event(), list[str]()
    visitors = [
        threading.Thread(target=visit, args=(product, stop, failures), daemon=True)
        for _ in range(3)
    ]
    for visitor in visitors:
        visitor.start()

    done = product.run("restart", "run", "--json")

    after = {product.served_fingerprint() for _ in range(5)}
    slow.sendall(b"ername=x&password=y")
    answer = slow.recv(4096)
    slow.close()
    stop.set()
    for visitor in visitors:
        visitor.join(20)
    expected = json.loads(product.run("cert", "show", "tomcat", "--json").stdout)["fingerprint"]
    assert done.returncode == 0, done.stderr
    assert after == {expected} != {before}
    assert answer.startswith(b"HTTP/1.1 403")  # complete, though without a token
    assert failures == []
    assert json.loads(product.run("restart", "list", "--json").stdout) == []
    assert json.loads(product.run("audit", "verify", "--json").stdout)["verdict"] == "whole"


def half_a_request(product: Product) -> ssl.SSLSocket:
    """A request that a worker has begun to read when the restart comes."""
    connection = socket.create_connection(("127.0.0.1", product.port), 20)
    tls = believing().wrap_socket(connection, server_hostname="localhost")
    tls.sendall(
        b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nus"
    )
    return tls


def visit(product: Product, stop: threading.Event, failures: list[str]) -> None:
    while not stop.is_set():
        visitor = HTTPSConnection("localhost", product.port, context=believing(), timeout=20)
        try:
            visitor.request("GET", "/admin/login/")
            if visitor.getresponse().status != 200:
                failures.append("status")
        except OSError as error:
            failures.append(repr(error))
        finally:
            visitor.close()
