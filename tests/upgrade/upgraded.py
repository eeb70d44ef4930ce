"""Brings one unpacked installation up to now, and says in JSON what came of it.

In a process of its own: `python -m tests.upgrade.upgraded FOLDER...`, a line for each folder.
Django starts once, and is led from one to the next.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection


def lead_to(folder: Path) -> None:
    """Everything that a process of this installation would have read from its settings."""
    connection.close()
    connection.settings_dict["NAME"] = str(folder / "ccxsec.sqlite3")
    settings.CCXSEC_DATA = folder
    settings.CCXSEC_STORE = folder / "store"
    settings.CCXSEC_AUDIT_ANCHOR = folder / "audit.anchor"


def upgrade(folder: Path) -> dict[str, Any]:
    """As `./ccxsec up` does it, then as an operator looks at it."""
    from ccxsec_project.management.commands.up import Command
    from certificates.models import Certificate, Event, Node

    lead_to(folder)
    Command(stdout=open("/dev/null", "w")).set_up()  # noqa: PTH123, SIM115 - until the end
    rows = Certificate.objects.order_by("pk").values_list("purpose", "fingerprint", "state")
    kept = {
        "certificates": [list(row) for row in rows],
        "nodes": list(Node.objects.order_by("pk").values_list("host_name", flat=True)),
        "events": Event.objects.count(),
    }
    return {"kept": kept, "found": _found(), **_browse(), "deployed": _deployed()}


def _found() -> list[str]:
    """What the doctor finds, once the worker has done what was queued."""
    from django.utils import timezone

    from ccxsec_project.doctor import findings
    from certificates import jobs
    from certificates.models import Job
    from certificates.operations.doctor import Asked

    for pk in Job.objects.filter(state="queued").values_list("pk", flat=True):
        jobs.run(pk)
    strict = Asked(timezone.now())
    return [f"{one.code}: {one.sentence}" for one in findings(strict)]


def _browse() -> dict[str, Any]:
    """Sign in with the password of then, and look at each list."""
    from django.test import Client

    from tests.upgrade.make import PASSWORD

    client = Client()
    fields = {"username": "admin", "password": PASSWORD}
    signed_in = client.post("/admin/login/?next=/admin/", fields, secure=True).status_code
    pages = {}
    for path in PAGES:
        answer = client.get(path, secure=True)
        pages[path] = answer.status_code
    page = client.get("/admin/certificates/certificate/", secure=True)
    listed = len(set(re.findall(r"/certificate/(\d+)/change/", page.content.decode())))
    return {"signed_in": signed_in, "pages": pages, "listed": listed}


def _deployed() -> list[str]:
    """A new certificate goes into the store, and all is whole again."""
    from django.utils import timezone

    from certificates.access import Actor
    from certificates.models import Node, Purpose
    from certificates.operations import generate, verify_audit
    from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
    from certificates.x509.policy import KeyChoice

    node, actor, now = Node.objects.local(), Actor("upgrade"), timezone.now()
    active = node.certificates.active().for_purpose(Purpose.IPSEC).get()
    generate(
        node,
        Purpose.IPSEC,
        key=KeyChoice.EC_P256,
        replacing=active.fingerprint,
        confirmed=["confirm.ca-signed"],
        actor=actor,
        now=now,
    )
    sentences = deploy_what_is_out_of_date(actor=actor, now=now)
    return [*sentences, verify_audit().problem or "whole", *_found()]


PAGES = (
    "/admin/",
    "/admin/certificates/node/1/",
    "/admin/certificates/event/verify/",
    "/admin/monitor/",
    "/admin/ipsec/policy/",
)


def main() -> None:
    django.setup()
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    call_command("check", verbosity=0)
    for word in sys.argv[1:]:
        sys.stdout.write(json.dumps(upgrade(Path(word))) + "\n")


if __name__ == "__main__":
    main()
