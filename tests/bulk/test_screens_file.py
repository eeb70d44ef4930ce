"""A PKCS#12 of another system that lies on a real server: its certificates, never its key."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from django.core.serializers import serialize
from django.test import Client

from bulk.models import ExchangeServer, Plan, PlanItem
from bulk.seen import Seen, SeenFile
from certificates.models import Node
from tests.bulk.archives import certificate, key
from tests.ssh_server import SshServer, ssh_server

pytestmark = [pytest.mark.django_db, pytest.mark.spec("BK-4")]
PAGE = "/admin/bulk/"
NAME = "old system.p12"


@pytest.fixture(scope="module")
def sftp() -> Iterator[SshServer]:
    with ssh_server() as server:
        yield server


@pytest.fixture
def _seen(administrator: Client, node: Node, sftp: SshServer) -> None:
    """The file lies on the server that is set, and was seen there."""
    secret = key("ec-p256")
    locked = BestAvailableEncryption(b"right-phrase")
    made = certificate(secret, "ccx1.old.example.com")
    data = serialize_key_and_certificates(b"old", secret, made, None, locked)
    (sftp.home / NAME).write_bytes(data)
    values = {
        "host": "127.0.0.1",
        "port": sftp.port,
        "user": sftp.user,
        "private_key": sftp.key,
        "directory": str(sftp.home),
        "host_key": sftp.fingerprint,
    }
    assert administrator.post(PAGE, values).status_code == 200
    ExchangeServer.objects.update(seen=Seen(others=[SeenFile(NAME, len(data))]).to_json())


@pytest.mark.usefixtures("_seen")
def test_it_is_read_with_its_pass_phrase_and_its_key_is_not_kept(administrator: Client) -> None:
    shown = administrator.get(f"{PAGE}file/", {"name": NAME}).content.decode()
    assert "a private key in it is never kept" in shown
    assert '<option value="ipsec-trust">' in shown
    values = {"name": NAME, "purpose": "ipsec-trust", "passphrase": "very-wrong"}

    response = administrator.post(f"{PAGE}file/", values)

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["passphrase"]
    assert "very-wrong" not in response.content.decode()
    response = administrator.post(f"{PAGE}file/", values | {"passphrase": "right-phrase"})
    plan = Plan.objects.get()
    assert response.headers["Location"] == f"{PAGE}plan/{plan.pk}/"
    shown = administrator.get(f"{PAGE}plan/{plan.pk}/").content.decode()
    assert "ccx1.old.example.com" in shown
    assert "ipsec-trust" in shown
    assert "No cluster has signed this file" in shown
    kept = serialize("json", [plan, *PlanItem.objects.all()])
    assert "right-phrase" not in kept
