"""What signs in at a node stays with the server it was given for."""

import pytest

from certificates.access import Actor
from certificates.models import Node, Secret
from certificates.operations import save_reach
from certificates.refusal import Refused

pytestmark = [pytest.mark.django_db, pytest.mark.spec("CM-14")]


@pytest.fixture
def other(node: Node, actor: Actor) -> Node:
    """A node that is reached with a password."""
    row = Node.objects.create(host_name="ccx2.example.com", addresses=["192.0.2.20"])
    reach(row, actor, password="of-the-first-server")
    return row


def reach(row: Node, actor: Actor, *, way: str = "ssh", host: str = "", password: str = "") -> None:
    save_reach(row, reach=way, ssh_host=host, ssh_user="store", password=password, actor=actor)


def test_a_password_is_asked_again_for_another_server(other: Node, actor: Actor) -> None:
    with pytest.raises(Refused) as refusal:
        reach(other, actor, host="192.0.2.66")

    assert refusal.value.code == "reach.secret"
    assert Node.objects.get(pk=other.pk).ssh_host == ""
    reach(other, actor)  # the same server


def test_nor_does_it_wait_for_one_that_is_named_first(other: Node, actor: Actor) -> None:
    reach(other, actor, way="by-hand", host="192.0.2.66")

    with pytest.raises(Refused):
        reach(other, actor, host="192.0.2.66")
    assert not Secret.objects.filter(name=other.ssh_secret).exists()


def test_who_is_reached_by_hand_for_a_while_keeps_it(other: Node, actor: Actor) -> None:
    reach(other, actor, way="by-hand")
    reach(other, actor)
