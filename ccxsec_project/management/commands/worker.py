"""`./ccxsec worker`: one worker cluster, beside others of the same database."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from ccxsec_project import children
from ccxsec_project.cluster_watch import ClusterWatch
from ccxsec_project.starting import plainly, refuse_what_is_not_set_up
from ccxsec_project.supervisor import Supervisor
from certificates import web_server
from certificates.local_files import one_of


class Command(BaseCommand):
    help = "Run a worker cluster alone; ./ccxsec up --setup-only has set up the rest."
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        place = Path(settings.CCXSEC_DATA) / "run" / "ipsec-listener"
        with plainly(), web_server.worker_runs(), one_of(place, 1) as is_first:
            refuse_what_is_not_set_up(needs_store=True)
            # One of a machine's workers listens to its IKE daemon.
            listener = children.ipsec_listener() if is_first else None
            Supervisor(cluster=ClusterWatch(), listener=listener).run(self.welcome)
        self.stdout.write("Stopped.")

    def welcome(self) -> None:
        self.stdout.write("A worker cluster runs. Ctrl-C stops it.")
        self.stdout.flush()
