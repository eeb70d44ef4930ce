"""Have the product reach a node of the laboratory over SSH."""

from certificates.access import Actor
from certificates.models import Node
from certificates.operations import pin_host_key, save_reach
from tests.ssh_server import SshServer


def reached_over_ssh(name: str, server: SshServer, actor: Actor) -> Node:
    """A new node of that name on the server, its host key pinned."""
    node = Node.objects.create(host_name=name, addresses=["127.0.0.1"])
    save_reach(
        node,
        reach="ssh",
        ssh_host="127.0.0.1",
        ssh_port=server.port,
        ssh_user=server.user,
        private_key=server.key,
        actor=actor,
    )
    pin_host_key(node, fingerprint=server.fingerprint, actor=actor)
    return node
