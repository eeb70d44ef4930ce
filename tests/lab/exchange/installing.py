"""Clusters of the laboratory, set up as a first `./ccxsec up` does it: run in their workers."""

from django.core.management import call_command
from django.utils import timezone

from ccxsec_project.management.commands.up import make_master_key
from certificates import jobs
from certificates.access import Actor
from certificates.models import Job, Node, Purpose, Role, Service
from certificates.operations import generate, pin_host_key, save_node, save_place, save_reach
from certificates.operations.generate import CA_SIGNED
from certificates.operations.install import make_groups
from certificates.operations.reach import Place
from certificates.operations.request import EVERYTHING, pending_for, request_certificate
from certificates.x509.policy import KeyChoice
from tests.lab.authority import Authority
from tests.lab.changes import install_shown, shown_of

ACTOR = Actor("lab")


def migrate() -> None:
    """An empty database, of which each installation gets a copy."""
    make_master_key(is_new_database=True)
    call_command("migrate", verbosity=0, interactive=False)


def install(host_name: str) -> None:
    """The publisher, with certificates whose keys are quickly made, in force."""
    make_groups()
    node = save_node(
        Node(is_local=True),
        host_name=host_name,
        addresses=["127.0.0.1"],
        role=Role.PUBLISHER,
        actor=ACTOR,
    )
    for purpose in Purpose.own():
        _generate(node, purpose)
    deploy_all()


def add_subscriber(host_name: str, server: dict[str, str], folder: str) -> None:
    """A second node, on an SSH server: `ssh_port`, `ssh_user`, `private_key`, `fingerprint`."""
    node = save_node(Node(), host_name=host_name, role=Role.SUBSCRIBER, actor=ACTOR)
    for purpose in Purpose.own():
        _generate(node, purpose)
    port, fingerprint = int(server.pop("ssh_port")), server.pop("fingerprint")
    save_reach(node, reach="ssh", ssh_host="127.0.0.1", ssh_port=port, **server, actor=ACTOR)
    for service in Service:
        save_place(node, service, Place(folder=f"{folder}/{service}"), actor=ACTOR)
    pin_host_key(node, fingerprint=fingerprint, actor=ACTOR)
    deploy_all()


def have_tomcat_certified() -> None:
    """Tomcat gets a certificate of a subordinate CA that nobody else has heard of."""
    answer = Authority().answer(new_tomcat_request())
    install_shown(answer, shown_of(answer))
    deploy_all()


def have_tomcat_certified_by(pem: str) -> None:
    """Install the answer to the last request; its issuers are in the store already."""
    install_shown(pem.encode(), shown_of(pem.encode()))
    deploy_all()


def new_tomcat_request() -> str:
    """In PEM."""
    node = Node.objects.local()
    made = request_certificate(
        node,
        Purpose.TOMCAT,
        key=KeyChoice.RSA_2048,
        replacing=[row.pk for row in pending_for([node], Purpose.TOMCAT)],
        confirmed=EVERYTHING,
        actor=ACTOR,
        now=timezone.now(),
    )
    return made.request.pem


def renew(*purposes: str) -> None:
    """New keys, and certificates that they sign themselves, on this node."""
    for purpose in purposes:
        _generate(Node.objects.local(), Purpose(purpose))
    deploy_all()


def _generate(node: Node, purpose: Purpose) -> None:
    current = node.certificates.active().for_purpose(purpose).first()
    generate(
        node,
        purpose,
        key=KeyChoice.EC_P256,
        replacing=current.fingerprint if current else "",
        confirmed=[CA_SIGNED],
        actor=ACTOR,
        now=timezone.now(),
    )


def deploy_all() -> None:
    """Put in force what is intended, as the worker of the queue does."""
    for row in Job.objects.filter(kind="deploy", state="queued"):
        done = jobs.run(row.pk)
        assert done is None or done.state == "done", done.messages
