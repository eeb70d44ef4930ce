"""`./ccxsec web`: the web server alone, beside others of the same database."""

import os
import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from ccxsec_project import children
from ccxsec_project.starting import (
    collect_static_files,
    is_behind_socket,
    listen,
    plainly,
    probe_host,
    refuse_what_is_not_set_up,
    served_names,
    wait_for_answer,
    wait_for_handshake,
)
from ccxsec_project.supervisor import Supervisor
from certificates import web_server
from certificates.web_server import Running


class Command(BaseCommand):
    help = "Run the web server alone; ./ccxsec up --setup-only has set up the rest."
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        where = Running(pid=os.getpid(), host=probe_host(), port=settings.CCXSEC_PORT)
        with plainly(), listen() as listener, web_server.announced(where):
            refuse_what_is_not_set_up(needs_store=not is_behind_socket())
            collect_static_files()
            web = children.web_server(listener, served_names())
            Supervisor(web=web).run(lambda: self.welcome(where))
        self.stdout.write("Stopped.")

    def welcome(self, where: Running) -> None:
        """Called once it runs: wait until it answers, then say where."""
        place = str(settings.CCXSEC_BIND)
        if is_behind_socket():
            wait_for_answer(Path(place))
        else:
            wait_for_handshake(where)
            place = f"port {where.port}"
        self.stdout.write(f"The web server answers at {place}. Ctrl-C stops it.")
        self.stdout.flush()
