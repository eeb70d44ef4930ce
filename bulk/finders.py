"""What the find of the top bar looks up here: clusters, and the settings of the exchange."""

from django.urls import reverse

from bulk.forms.server import ServerForm
from bulk.models import Cluster
from certificates.access import Permission
from certificates.finding import Finder, Group, Hit, Place, few, fields_of, holding
from certificates.sentence import say

_PAGE = say("Bulk Certificate Management")


def _clusters(text: str) -> Group:
    def words(row: Cluster) -> list[object]:
        return [row.name, row.cluster_id, *row.nodes, *row.keys.values()]

    def hit(row: Cluster) -> Hit:
        about = say("Confirmed cluster {cluster_id}", cluster_id=row.cluster_id)
        return Hit(row.name, about, f"{reverse('admin:bulk')}#clusters")

    return Group(say("Exchange clusters"), few(holding(text, Cluster.objects.all(), words), hit))


FINDERS = (Finder(Permission.VIEW_BULK, _clusters),)
PLACES = (
    Place(say("Export to the SFTP server"), _PAGE, "admin:bulk_export", Permission.RUN_BULK),
    Place(
        say("Runs of the exchange"),
        _PAGE,
        "admin:bulk_jobs",
        Permission.VIEW_BULK,
        "import consolidate",
    ),
    *fields_of(
        ServerForm,
        say("{page}, SFTP server", page=_PAGE),
        "admin:bulk",
        Permission.CONFIGURE_BULK,
        words={"private_key": "ssh key", "user": "user name login"},
    ),
)
