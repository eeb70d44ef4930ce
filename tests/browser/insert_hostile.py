"""Puts the hostile certificates into the database of a running product.

`manage.py shell -c "import tests.browser.insert_hostile"`, as every screen refuses most of them.
"""

import json
import sys
import warnings

from certificates.models import Certificate, Node, Purpose
from certificates.x509.facts import read_facts
from tests.hostile import all_certificates

warnings.simplefilter("ignore")  # what RFC 5280 forbids and hostile certificates have


def insert() -> dict[str, int]:
    """All of them in the local node's trust store: each kind, and the number of its row."""
    node, store = Node.objects.local(), Purpose.TOMCAT_TRUST
    return {
        kind: Certificate.objects.create_trust(node, store, [read_facts(der)], "")[0].pk
        for kind, der in all_certificates().items()
    }


json.dump(insert(), sys.stdout)
