"""A key that its cluster has replaced is believed no more, whatever is put back (BK-4, BK-5)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import export_name
from bulk.models import Cluster, Plan
from bulk.operations import (
    confirm_cluster,
    request_consolidate,
    request_export,
    request_import,
    request_look,
)
from certificates.x509.signing import Signer
from tests.bulk.exchanging import Exchanging, Foreign, Identity, done

pytestmark = pytest.mark.spec("BK-4", "BK-5")
DAY = timedelta(days=1)


def signer(service: str) -> Signer:
    own = Identity("ccx1.south.example.com")
    return Signer(service, own.certificate(), own.key)


def fingerprints(*signers: Signer) -> dict[str, str]:
    return {one.service: key_fingerprint(one.private_key.public_key()) for one in signers}


def looked(exchanging: Exchanging) -> Plan:
    job = request_look(actor=exchanging.actor)
    done(job)
    return Plan.objects.get(job=job)


def imported(exchanging: Exchanging) -> None:
    """Consolidate what is there, and import it."""
    done(request_consolidate(actor=exchanging.actor))
    plan = looked(exchanging)
    done(request_import(plan, shown=plan.digest, actor=exchanging.actor))


@pytest.mark.parametrize("days", [1, -1], ids=["past", "future"])
def test_an_export_from_before_brings_no_replaced_key_back(
    days: int, exchanging: Exchanging, south: Foreign
) -> None:
    """South renewed tomcat and exported tomcat alone: its export of ipsec bears the former key.

    Its clock may be ahead of ours.
    """
    ipsec, stolen, renewed = signer("ipsec"), signer("tomcat"), signer("tomcat")
    made_at = timezone.now() - days * DAY
    before = south.export("ipsec", 3, signers=[ipsec, stolen], made_at=made_at - DAY / 8)
    after = south.export("tomcat", 6, signers=[ipsec, renewed], made_at=made_at)
    exchanging.put(export_name("ipsec", south.cluster_id, 3), before)
    exchanging.look()
    known = fingerprints(stolen)["tomcat"]
    confirm_cluster(south.cluster_id, fingerprint=known, actor=exchanging.actor)
    name = exchanging.put(export_name("tomcat", south.cluster_id, 6), after)
    done(request_export("tomcat", actor=exchanging.actor))

    imported(exchanging)
    together = Cluster.objects.get().keys
    (exchanging.place.directory / name).unlink()
    imported(exchanging)

    assert together == fingerprints(ipsec, renewed)
    assert Cluster.objects.get().keys == fingerprints(ipsec, renewed)
    assert Cluster.objects.get().latest == {"ipsec": 3, "tomcat": 6}


def test_a_key_that_nobody_compared_is_shown_before_it_is_believed(
    exchanging: Exchanging, south: Foreign, administrator: Client
) -> None:
    """Whoever has stolen one key of a cluster can bring the other one along."""
    tomcat, ipsec = south.signer, signer("ipsec")
    exchanging.publish(south)
    done(request_export("tomcat", actor=exchanging.actor))
    exchanging.look()
    exchanging.confirm(south)
    content = south.export("tomcat", 2, signers=[ipsec, tomcat])
    exchanging.put(export_name("tomcat", south.cluster_id, 2), content)
    done(request_consolidate(actor=exchanging.actor))

    plan = looked(exchanging)
    page = administrator.get(f"/admin/bulk/plan/{plan.pk}/").content.decode()

    told = f"South has another ipsec key, {fingerprints(ipsec)['ipsec']}"
    assert plan.new_keys() == [told]
    assert told in page
