"""The examples of docs/api.md and docs/api-original.md run as they stand, by curl."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from certificates.models import Certificate, Node
from tests.api.conftest import token_of
from tests.certificates.authority import Authority
from tests.parts import needs
from tests.product import ROOT

SERVER = "https://ccx1.example.com:8443"


def examples(page: str) -> list[str]:
    """Its shell blocks, which speak to the product over HTTPS."""
    text = (ROOT / "docs" / page).read_text()
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def run(
    live_server: LiveServer, settings: Settings, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A shell in an empty folder; the test's own server speaks no TLS."""
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    (tmp_path / ".curlrc").write_text('header = "X-Forwarded-Proto: https"')
    needs("curl", "curl")
    needs("jq", "jq")

    def call(blocks: list[str], **values: str) -> subprocess.CompletedProcess[str]:
        script = "\n".join(["set -euo pipefail", *blocks])
        script = script.replace(SERVER, live_server.url).replace("--cacert ca.pem ", "")
        return subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "no_proxy": "*"} | values,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.django_db(transaction=True)
@pytest.mark.spec("CM-11", "CM-16")
def test_a_certificate_is_replaced_as_the_pages_say(
    node: Node,
    person: Callable[[str], User],
    run: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    ca = Authority(tmp_path / "ca")
    token = token_of(User.objects.get(pk=person("Operator").pk))
    blocks = examples("api.md")
    asked = next(at for at, block in enumerate(blocks) if "tomcat.csr" in block) + 1

    first = run(blocks[:asked], TOKEN=token)
    assert first.returncode == 0, first.stdout + first.stderr
    signed = ca.sign((tmp_path / "tomcat.csr").read_text(), by="root")
    (tmp_path / "tomcat.pem").write_bytes(signed)
    (tmp_path / "issuer.pem").write_bytes(ca.root)
    second = run([blocks[0], *blocks[asked:]], TOKEN=token)

    assert second.returncode == 0, second.stdout + second.stderr
    row = Certificate.objects.active().own().get(purpose="tomcat")
    assert row.pem == signed
    assert "tomcat on ccx1.example.com" in second.stdout

    third = run(examples("api-original.md"), TOKEN=token, USER_NAME="Operator")
    assert third.returncode == 0, third.stdout + third.stderr
    assert "BEGIN CERTIFICATE REQUEST" in (tmp_path / "tomcat.csr").read_text()
