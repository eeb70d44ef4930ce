"""A new node from the screen and from the command line, to a certificate in force on it (CM-14)."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from certificates import jobs
from certificates.access import Actor
from certificates.management.operator_command import Stopped
from certificates.models import Deployment, Event, Job, JobState, Node, Purpose, Secret
from certificates.operations import generate
from certificates.web_server import tls_context
from certificates.x509.policy import KeyChoice
from tests.conftest import NOW
from tests.ssh_server import SshServer, ssh_server

pytestmark = [pytest.mark.django_db, pytest.mark.spec("CM-14")]

PAGE = "/admin/certificates/node/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server() as running:
        yield running


@pytest.fixture
def other(node: Node, actor: Actor) -> Node:
    row = Node.objects.create(host_name="ccx2.example.com", addresses=["127.0.0.1"])
    generate(row, Purpose.TOMCAT, key=KeyChoice.EC_P256, replacing="", actor=actor, now=NOW)
    return row


def run_jobs() -> list[str]:
    """Do all that is queued; what each ended with."""
    said = []
    while job := Job.objects.filter(state=JobState.QUEUED).order_by("pk").first():
        done = jobs.run(job.pk)
        assert done
        said.append(done.messages[-1])
    return said


def test_from_the_screen_to_a_certificate_in_force(
    administrator: Client, other: Node, server: SshServer, tmp_path: Path
) -> None:
    page = f"{PAGE}{other.pk}/"
    folder = f"{server.home}/{tmp_path.name}"
    place = {"service": "tomcat", "folder": folder, "restart_limit": "60"}
    administrator.post(f"{page}service/", place)
    form = {
        "reach": "ssh",
        "ssh_host": "127.0.0.1",
        "ssh_port": str(server.port),
        "ssh_user": server.user,
        "private_key": server.key.replace("\n", "\r\n"),
    }
    saved = administrator.post(f"{page}reach/", form, follow=True).content.decode()
    asked = administrator.post(f"{page}host-key/").content.decode()
    pinned = administrator.post(f"{page}host-key/pin/", {"fingerprint": server.fingerprint})
    said = run_jobs()
    shown = administrator.get(page).content.decode()

    assert "Now compare the host key" in saved
    assert server.fingerprint in asked
    assert "ssh-keygen -l" in asked
    assert pinned.status_code == 302
    assert any("is in the store of ccx2.example.com" in line for line in said)
    assert tls_context(Path(folder) / "current")
    assert "Pinned" in shown
    assert "In force" in shown
    assert "PRIVATE KEY" not in saved + asked + shown


def test_a_change_by_hand_is_shown_and_overwritten_on_request(
    administrator: Client, other: Node, server: SshServer, tmp_path: Path
) -> None:
    test_from_the_screen_to_a_certificate_in_force(administrator, other, server, tmp_path)
    page, store = f"{PAGE}{other.pk}/", server.home / tmp_path.name
    with (store / "current" / "trust.pem").open("ab") as file:
        file.write(b"# by hand\n")

    administrator.post(f"{page}check/", {"service": "tomcat"})
    found = run_jobs()
    shown = administrator.get(page).content.decode()
    attention = administrator.get("/admin/").content.decode()
    administrator.post(f"{page}deploy/", {"service": "tomcat"})
    refused = run_jobs()
    administrator.post(f"{page}deploy/", {"service": "tomcat", "overwrite": "1"})
    done = run_jobs()

    assert found == ["It was changed by hand, and stays so until you overwrite it."]
    assert "trust.pem was changed" in shown
    assert "Overwrite what was changed" in shown
    assert "was changed there by hand" in attention
    assert "changed by hand, and is left so" in refused[0]
    assert "as version" in done[0]
    assert "trust.pem was changed" not in administrator.get(page).content.decode()


def test_a_changed_host_key_is_loud_on_every_page(administrator: Client, other: Node) -> None:
    Node.objects.filter(pk=other.pk).update(
        reach="ssh",
        host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
        host_key_alarm="SHA256:evil",
    )

    pages = [
        administrator.get(path).content.decode()
        for path in ("/admin/", f"{PAGE}{other.pk}/", "/admin/certificates/certificate/")
    ]
    kept = administrator.post(f"{PAGE}{other.pk}/host-key/keep/", follow=True).content.decode()

    assert all("The host key of ccx2.example.com has changed" in page for page in pages)
    assert "SHA256:evil" in pages[1]
    assert "has changed" not in kept
    assert Event.objects.filter(action="node:pin-host-key").exists()


def test_what_is_wrong_is_told_at_its_field_and_no_secret_comes_back(
    administrator: Client, other: Node
) -> None:
    form = {"reach": "ssh", "ssh_port": "22", "ssh_user": "ops", "private_key": "a sentinel key"}

    answer = administrator.post(f"{PAGE}{other.pk}/reach/", form)

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "The private key can&#x27;t be used" in shown
    assert "a sentinel key" not in shown
    assert not Secret.objects.filter(name=other.ssh_secret).exists()


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_is_none_is_refused_at_its_field(
    administrator: Client, other: Node, port: str
) -> None:
    form = {"reach": "ssh", "ssh_port": port, "ssh_user": "ops", "password": "x"}

    assert administrator.post(f"{PAGE}{other.pk}/reach/", form).status_code == 422


def test_nobody_else_may_change_how_a_node_is_reached(
    as_role: Callable[..., Client], other: Node
) -> None:
    for role in ("Auditor", "Operator"):
        client = as_role(role)
        for part in ("reach/", "service/", "host-key/", "host-key/pin/", "host-key/keep/"):
            assert client.post(f"{PAGE}{other.pk}/{part}").status_code == 403


@pytest.mark.parametrize("service", ["nothing", "", "tomcat-trust"])
def test_a_foreign_service_is_not_found(administrator: Client, other: Node, service: str) -> None:
    answer = administrator.post(f"{PAGE}{other.pk}/deploy/", {"service": service})

    assert answer.status_code == (404 if service else 302)


def command(*words: str) -> Any:
    """The answer of a command in JSON."""
    out = io.StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue() or "null")


def test_the_same_by_commands(other: Node, server: SshServer, tmp_path: Path) -> None:
    key, name = tmp_path / "key", other.host_name
    key.write_text(server.key)
    folder = f"{server.home}/{tmp_path.name}"
    command("node", "service", name, "tomcat", "--folder", folder, "--probe-port", "8443")
    words = ["--ssh-host", "127.0.0.1", "--ssh-port", str(server.port), "--ssh-user", server.user]
    command("node", "reach", name, "ssh", *words, "--key-file", str(key))
    offered = command("node", "contact", name)
    command("node", "pin", name, offered["fingerprint"])
    deployed = command("cert", "deploy", "tomcat", "--node", name)
    checked = command("cert", "deploy", "tomcat", "--node", name, "--check")
    shown = command("node", "show", name)
    (Path(folder) / "current" / "cert.pem").chmod(0o644)
    with pytest.raises(Stopped) as stopped:
        command("cert", "deploy", "tomcat", "--node", name, "--check")
    with pytest.raises(Stopped, match="changed by hand"):
        command("cert", "deploy", "tomcat", "--node", name)
    command("cert", "deploy", "tomcat", "--node", name, "--overwrite")

    assert offered["fingerprint"] == server.fingerprint
    assert "is in the store" in deployed["stores"][0]["result"]
    assert checked["stores"][0]["result"] == "in force"
    assert shown["services"][0]["probe_port"] == 8443
    assert "differ from what is intended" in str(stopped.value)
    assert stopped.value.returncode == 1
    assert Deployment.objects.get(node=other, service="tomcat").is_in_force


def test_nodes_are_added_and_edited_by_commands(node: Node) -> None:
    command("node", "add", "ccx3.example.com", "--address", "192.0.2.30")
    command("node", "edit", "ccx3.example.com", "--role", "publisher", "--description", "third")

    listed = {row["node"]: row for row in command("node", "list")}

    assert listed["ccx3.example.com"]["role"] == "publisher"
    assert listed["ccx3.example.com"]["addresses"] == "192.0.2.30"
    assert listed["ccx3.example.com"]["reached"] == "by hand"


def test_no_secret_is_a_word_of_the_command_line(other: Node) -> None:
    """The options take files, so that no list of processes shows a secret."""
    with pytest.raises(CommandError, match="unrecognized arguments"):
        call_command("node", "reach", other.host_name, "ssh", "--password", "secret")
