"""The SFTP server, the clusters that are believed, and what an import would change."""

from bulk.models.cluster import Cluster, Origin
from bulk.models.plan import Plan, PlanItem, Verdict
from bulk.models.server import SERVER_SECRET, TYPED_SECRET, ExchangeServer

__all__ = [
    "SERVER_SECRET",
    "TYPED_SECRET",
    "Cluster",
    "ExchangeServer",
    "Origin",
    "Plan",
    "PlanItem",
    "Verdict",
]
