"""Behind a proxy on the same machine, at a socket, a stop is as gentle as with TLS (MN-4)."""

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.product import Product

pytestmark = pytest.mark.spec("MN-4")
FORM = b"username=nobody&password=nothing"
HEAD = (
    b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(FORM)
)


def test_a_request_that_has_begun_is_answered_and_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    behind = {"CCXSEC_BIND": str(path), "CCXSEC_BEHIND_PROXY": "true"}
    product = Product(tmp_path / "data", settings=behind)
    product.start()
    assert product.process
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(HEAD + FORM[:10])
        time.sleep(0.5)  # a worker has begun with it

        product.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        client.sendall(FORM[10:])

        assert client.recv(100).startswith(b"HTTP/1.1 403 ")  # it brought no token of a form
    assert product.process.wait(40) == 0
    assert "Traceback" not in product.log.read_text()
