"""`manage.py ipsec_listen`: the process that `./ccxsec up` keeps beside web server and worker."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from ipsec.listener import Listener


class Command(BaseCommand):
    help = "Listen to the IKE daemon until SIGTERM or SIGINT (started by ./ccxsec up)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Listener(stop).run()
