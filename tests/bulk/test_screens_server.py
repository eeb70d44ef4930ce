"""The window of the SFTP server: compared, connected, then saved; refusals at their fields."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from bulk.models import ExchangeServer
from certificates.models import Job, Node
from tests.bulk import scenes
from tests.ssh_server import SshServer, ssh_server

pytestmark = [pytest.mark.django_db, pytest.mark.spec("BK-1")]
PAGE = "/admin/bulk/"
CONFIRM = "It is the right key: pin it and save"


@pytest.fixture(scope="module")
def sftp() -> Iterator[SshServer]:
    with ssh_server() as server:
        yield server


@pytest.fixture
def save(administrator: Client, node: Node, sftp: SshServer) -> Callable[..., Any]:
    """Type the values, with differences, and press Save; the answer, which tells no secret."""

    def press(**values: Any) -> Any:
        usual = {
            "host": "127.0.0.1",
            "port": sftp.port,
            "user": sftp.user,
            "password": "",
            "private_key": sftp.key,
            "passphrase": "",
            "directory": str(sftp.home),
            "cluster_name": "North",
        }
        response = administrator.post(PAGE, usual | values)
        shown = response.content.decode()
        for secret in (sftp.password, "wrong-password", "pass-phrase", sftp.key.splitlines()[1]):
            assert secret not in shown
        return response

    return press


def errors(response: Any) -> dict[str, str]:
    """Each field that is refused, and why."""
    return {name: str(said[0]) for name, said in response.context["shown_form"].errors.items()}


def confirmed(shown: str) -> dict[str, str]:
    """The hidden values of the question about the host key."""
    question = shown.partition('id="confirm"')[2].partition("</form>")[0]
    return dict(re.findall('name="([a-z_]+)" value="([^"]*)"', question))


@pytest.mark.spec("BK-5")
def test_an_unknown_host_key_is_compared_before_anything_is_said(
    administrator: Client, save: Callable[..., Any], sftp: SshServer
) -> None:
    response = save()

    shown = response.content.decode()
    assert response.status_code == 422
    assert CONFIRM in shown
    assert sftp.fingerprint in shown
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in shown
    assert "kept sealed for 15 minutes" in shown
    assert not ExchangeServer.objects.current().is_set
    values = confirmed(shown)
    assert values.pop("host_key") == sftp.fingerprint
    assert set(values) <= {"csrfmiddlewaretoken", "host", "port", "user", "directory",
                           "cluster_name"}  # fmt: skip

    response = administrator.post(PAGE, values | {"host_key": sftp.fingerprint})

    shown = response.content.decode()
    assert response.status_code == 200
    assert "Saved: the server can be used" in shown
    assert shown.count('<span class="badge valid">Pass</span>') == 6
    assert "may sign in with the private key" in shown
    row = ExchangeServer.objects.current()
    assert (row.host, row.port, row.cluster_name) == ("127.0.0.1", sftp.port, "North")
    assert Job.objects.filter(kind="bulk-survey").count() == 1
    assert "data-stays" in shown  # the checks are still to be read when the look has ended


@pytest.mark.spec("BK-5")
def test_a_key_that_was_compared_is_not_asked_for_again(
    save: Callable[..., Any], sftp: SshServer
) -> None:
    save()

    response = save(private_key="", directory="/nowhere", host_key=sftp.fingerprint)

    assert list(errors(response)) == ["directory"]
    shown = response.content.decode()
    assert f'name="host_key" value="{sftp.fingerprint}"' in shown
    assert "that you typed is kept sealed for 15 minutes" in shown
    response = save(private_key="", host_key="SHA256:" + "x" * 43)
    assert "x" * 43 not in response.content.decode().partition('name="host_key"')[2][:80]
    assert save(private_key="", host_key=sftp.fingerprint).status_code == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="a user with a password is made by root")
def test_a_password_is_taken_in_the_place_of_a_private_key(
    save: Callable[..., Any], sftp: SshServer
) -> None:
    response = save(password=sftp.password, private_key="", host_key=sftp.fingerprint)

    assert "may sign in with the password" in response.content.decode()


def test_what_is_kept_need_not_be_typed_again(save: Callable[..., Any], sftp: SshServer) -> None:
    save(host_key=sftp.fingerprint)

    response = save(private_key="")

    assert response.status_code == 200
    assert "A password or private key is kept, sealed" in response.content.decode()


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"host": ""}, "host", "No server is given"),
        ({"host": "no host"}, "host", "no host"),
        ({"host": "127.0.0.999"}, "host", "is not an IP address"),
        ({"port": "1"}, "host", "gave no answer"),
        ({"port": "70000"}, "port", "65535"),
        ({"port": "x"}, "port", "whole number"),
        ({"user": ""}, "user", "no user to sign in as"),
        ({"user": "a b"}, "user", "no user to sign in as"),
        ({"private_key": ""}, "password", "no password and no private key"),
        ({"private_key": "", "password": "wrong-password"}, "password", ""),
        ({"password": "wrong-password"}, "password", "both given"),
        ({"private_key": "pass-phrase"}, "private_key", "can't be used"),
        ({"directory": ""}, "directory", "No directory is given"),
        ({"directory": "/nowhere/at/all"}, "directory", "/nowhere/at/all"),
        ({"directory": "/etc"}, "directory", "/etc"),
        ({"cluster_name": "a\u202eb"}, "cluster_name", "invisible"),
        ({"host_key": "SHA256:" + "x" * 43}, "host", "Compare it"),
    ],
    ids=lambda part: (
        "-".join(f"{k}-{v}" for k, v in part.items())[:40] if isinstance(part, dict) else ""
    ),
)
def test_a_refusal_stands_at_its_field_and_the_rest_stays_typed(
    save: Callable[..., Any],
    sftp: SshServer,
    values: dict[str, str],
    field: str,
    said: str,
) -> None:
    response = save(**{"host_key": sftp.fingerprint} | values)

    found = errors(response)
    assert response.status_code == 422
    assert list(found) == [field], found
    assert said in found[field]
    shown = response.content.decode()
    assert "Nothing was saved." in shown
    if "cluster_name" not in values:
        assert 'value="North"' in shown
    assert not ExchangeServer.objects.current().is_set


@pytest.mark.spec("BK-5")
def test_check_now_shows_each_check_and_why_it_can_not_be_used(
    administrator: Client, save: Callable[..., Any], sftp: SshServer
) -> None:
    save(host_key=sftp.fingerprint)

    shown = administrator.post(f"{PAGE}check/").content.decode()

    assert "Checked now" in shown
    assert shown.count('<span class="badge valid">Pass</span>') == 6
    ExchangeServer.objects.update(directory="/nowhere")
    shown = administrator.post(f"{PAGE}check/", follow=True).content.decode()
    assert "The server can&#x27;t be used now." in shown


@pytest.mark.spec("BK-5")
def test_another_host_key_raises_the_alarm_and_is_pinned_or_not(
    administrator: Client, save: Callable[..., Any], sftp: SshServer
) -> None:
    save(host_key=sftp.fingerprint)
    ExchangeServer.objects.update(host_key=scenes.PINNED)

    shown = administrator.post(f"{PAGE}check/", follow=True).content.decode()

    assert "shows another host key than the pinned one" in shown
    assert sftp.fingerprint in shown
    answer = administrator.post(
        f"{PAGE}host-key/pin/", {"fingerprint": "SHA256:" + "x" * 43}, follow=True
    )
    assert "Nothing was changed." in answer.content.decode()
    answer = administrator.post(
        f"{PAGE}host-key/pin/", {"fingerprint": sftp.fingerprint}, follow=True
    )
    assert f"The host key {sftp.fingerprint} of the SFTP server is pinned." in (
        answer.content.decode()
    )
    assert administrator.post(f"{PAGE}check/").status_code == 200


@pytest.mark.spec("MN-2")
@pytest.mark.parametrize("role", ["Auditor", "Operator", "staff"])
def test_who_may_not_configure_saves_nothing(
    as_role: Callable[..., Client], node: Node, role: str
) -> None:
    client = as_role(role)

    for address in (PAGE, f"{PAGE}host-key/pin/", f"{PAGE}host-key/keep/"):
        assert client.post(address, {"host": "127.0.0.1"}).status_code == 403, address

    assert not ExchangeServer.objects.exists()
