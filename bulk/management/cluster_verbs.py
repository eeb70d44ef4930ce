"""`./ccxsec bulk confirm` and `forget`: whose exports are believed."""

from collections.abc import Mapping
from typing import Any

from bulk.management.answers import cluster_line
from bulk.management.following import Following
from bulk.models import Cluster, ExchangeServer
from bulk.operations import confirm_cluster, forget_cluster
from bulk.seen import Seen
from certificates.access import command_line
from certificates.management.operator_command import Answer
from certificates.refusal import Refused
from certificates.x509.visible import visible


class ClusterVerbs(Following):
    def add_cluster_verbs(self, verbs: Any) -> None:
        confirm = self.verb(
            verbs, "confirm", self.confirm, "believe a cluster whose fingerprint you have compared"
        )
        confirm.add_argument("cluster", metavar="CLUSTER", help="its name or id")
        confirm.add_argument("--fingerprint", metavar="SHA256:…", required=True)
        forget = self.verb(
            verbs, "forget", self.forget, "believe it no longer; its certificates stay"
        )
        forget.add_argument("cluster", metavar="CLUSTER", help="its name or id")

    def confirm(self, options: dict[str, Any]) -> Answer:
        server = ExchangeServer.objects.current()
        exports = Seen.of_json(server.seen).exports
        named = {one.cluster_id: one.cluster_name for one in exports if not one.problem}
        chosen = _only(options["cluster"], named, "was seen on the server")
        done = confirm_cluster(chosen, fingerprint=options["fingerprint"], actor=command_line())
        return cluster_line(done)

    def forget(self, options: dict[str, Any]) -> Answer:
        clusters = {str(one.cluster_id): one for one in Cluster.objects.all()}
        named = {cluster_id: one.name for cluster_id, one in clusters.items()}
        cluster = clusters[_only(options["cluster"], named, "is confirmed here")]
        forget_cluster(cluster, actor=command_line())
        return {"forgotten": cluster.name}


def _only(text: str, named: Mapping[str, str], where: str) -> str:
    """The id of the one cluster of that id or name. Raises `Refused`."""
    if text.lower() in named:
        return text.lower()
    found = [cluster_id for cluster_id, name in named.items() if name == text]
    shown = visible(text)[:100]
    if not found:
        known = ", ".join(f"{name} ({one})" for one, name in [*named.items()][:20]) or "none"
        wrong = f"No cluster {shown!r} {where}."
        raise Refused("cluster.unknown", wrong, f"There are: {known}.")
    if len(found) > 1:
        wrong = f"{len(found)} clusters call themselves {shown!r}."
        raise Refused("cluster.several", wrong, f"Write the id: {' or '.join(found)}.")
    return found[0]
