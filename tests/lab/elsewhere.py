"""A second node of the laboratory, on a real SSH server that a file of its data describes."""

import json
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Node, Purpose, Service
from certificates.operations import deploy, generate, pin_host_key, save_place, save_reach
from certificates.operations.reach import Place
from certificates.x509.policy import KeyChoice

ACTOR = Actor("lab")


def other() -> Node:
    return Node.objects.get(host_name="ccx2.example.com")


def set_up_elsewhere() -> None:
    """A second node on the server that the file in the data folder describes."""
    server = json.loads((Path(settings.CCXSEC_DATA) / "ssh.json").read_text())
    node, where = Node.objects.create(host_name="ccx2.example.com"), server.pop("folder")
    fingerprint = server.pop("fingerprint")
    now, first = timezone.now(), {"key": KeyChoice.EC_P256, "replacing": "", "actor": ACTOR}
    generate(node, Purpose.TOMCAT, **first, now=now)  # type: ignore[arg-type]
    save_reach(node, reach="ssh", ssh_host="127.0.0.1", **server, actor=ACTOR)
    save_place(node, Service.TOMCAT, Place(folder=where), actor=ACTOR)
    pin_host_key(node, fingerprint=fingerprint, actor=ACTOR)
    deploy(node, Service.TOMCAT, actor=ACTOR, now=now)


def renew_elsewhere() -> None:
    node = other()
    current = node.certificates.active().get(purpose="tomcat")
    generate(
        node,
        Purpose.TOMCAT,
        key=KeyChoice.EC_P256,
        replacing=current.fingerprint,
        actor=ACTOR,
        now=timezone.now(),
    )


def catch_up_elsewhere(_: None = None) -> None:
    deploy(other(), Service.TOMCAT, actor=ACTOR, now=timezone.now())
