"""Puts something of each kind into a running product, and says at which addresses it stands.

`manage.py shell -c "import tests.browser.insert_everything"`; prints the addresses as JSON.
"""

import json
import sys
import warnings
from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.urls import get_resolver
from django.utils import timezone

from bulk.models import Plan, Verdict
from certificates.models import Certificate, Job, Node, Purpose, RestartNotice, SigningRequest
from certificates.models.job import JobState
from certificates.x509.facts import read_facts
from ipsec.models import Negotiation
from tests import test_urls
from tests.hostile import all_certificates

warnings.simplefilter("ignore")  # what RFC 5280 forbids and hostile certificates have
HOSTILE = 12  # in the trust store: more pages would show the same
# Pages that hand out a file, change who is signed in, or hold no page of the product.
NO_SCREENS = (
    "<table:kind>",
    "admin/login/",
    ".pem",
    ".der",
    ".ics",
    "logout/",
    "jsi18n/",
    "autocomplete/",
)
STATES = ("policy/<int:pk>/state/", "policy/state/")  # answer a script that asks, not a person


def insert() -> test_urls.Keys:
    """A row at every address that captures a key; each list has some."""
    node, now = Node.objects.local(), timezone.now()
    tomcat = Certificate.objects.active().get(node=node, purpose=Purpose.TOMCAT)
    store = Purpose.TOMCAT_TRUST
    for der in list(all_certificates().values())[:HOSTILE]:
        Certificate.objects.create_trust(node, store, [read_facts(der)], "")
    Node.objects.get_or_create(host_name="ccx2.example.com", addresses=["192.0.2.11"])
    Job.objects.create(kind="deploy", target="ccx2.example.com", state=JobState.FAILED)
    notice, _ = RestartNotice.objects.get_or_create(
        node=node, service="ipsec", closed_at=None, defaults={"opened_at": now}
    )
    plan = Plan.objects.create(source="consolidated.tar", made_at=now)
    for verdict in Verdict:
        plan.items.create(
            purpose=store, verdict=verdict, name=f"{verdict}.example.com", not_after=now
        )
    policy = test_urls.policy()
    Negotiation.objects.create(
        policy=policy, at=now, last_at=now + timedelta(seconds=1), kind="failed", sentence="No."
    )
    pending = SigningRequest.objects.pending()  # of a test before this one
    return {
        "certificate": tomcat.pk,
        "node": node.pk,
        "job": Job.objects.latest("pk").pk,
        "restartnotice": notice.pk,
        "signingrequest": (pending.first() or test_urls.requested(node)).pk,
        **test_urls.observed(node, tomcat),
        "delivery": test_urls.message().pk,
        "rule": test_urls.rule().pk,
        "policy": policy.pk,
        "plan": plan.pk,
        "cluster": test_urls.cluster().pk,
        "user": User.objects.get_or_create(username="somebody")[0].pk,
        "group": Group.objects.get(name="Auditor").pk,
    }


def addresses(keys: test_urls.Keys) -> list[str]:
    """Every screen of the product."""
    trusted = Certificate.objects.trust().earliest("pk").pk
    asked = {
        "admin/certificates/certificate/delete/": f"?certificates={trusted}",
        "admin/certificates/certificate/roll-back/": "?purpose=tomcat",
        "admin/certificates/certificate/regenerate/": f"?certificates={keys['certificate']}",
        "admin/certificates/certificate/trust-stores/": "?all=on",
        "admin/ipsec/policy/delete/": f"?policies={keys['policy']}",
        "admin/find/": "?q=e",
    }
    found, table = [], test_urls.expected()
    for route in test_urls.routes(get_resolver().url_patterns):
        if not route.startswith("admin/") or route.endswith((*NO_SCREENS, *STATES)):
            continue
        if table[route, "GET"]["Security administrator"] not in (404, 405):
            found.append(test_urls.address(route, keys) + asked.get(route, ""))
    return [*dict.fromkeys(found), f"/admin/certificates/certificate/{trusted}/change/"]


if __name__ != "__main__":
    json.dump(addresses(insert()), sys.stdout)
