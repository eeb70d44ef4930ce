"""Uploads into a trust store: one node alone, both of a name kept, nothing twice (CM-14)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from certificates.models import Certificate, Event, Node, Purpose
from tests.certificates.authority import Authority
from tests.certificates.conftest import Put, outcomes
from tests.certificates.test_upload import judged


@pytest.mark.spec("CM-14")
def test_a_trust_certificate_goes_to_one_node_alone(node: Node, put: Put, ca: Authority) -> None:
    second = Node.objects.create(host_name="ccx2.example.com")

    put(ca.root, "ipsec-trust")

    assert Certificate.objects.trust().get().node == node
    put(ca.root, "ipsec-trust", at=second)
    assert Certificate.objects.trust().filter(node=second, purpose="ipsec-trust").count() == 1


def test_the_same_trust_certificate_again_changes_nothing(
    node: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    events = Event.objects.count()

    done = put(ca.root, "tomcat-trust")

    assert outcomes(done.examination)["trust.known"] == "warn"
    assert not done.trusted
    assert Event.objects.count() == events


def test_another_of_the_same_name_is_kept_beside_it(
    node: Node, put: Put, ca: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    put(ca.root, "tomcat-trust")
    namesake = Authority(tmp_path_factory.mktemp("namesake"), "Lab")

    examined = put(namesake.root, "tomcat-trust").examination

    rows = node.certificates.active().for_purpose(Purpose.TOMCAT_TRUST)
    told = next(check for check in examined.checks if check.code == "trust.same-name")
    assert all(row.fingerprint[:16] in told.sentence for row in rows)
    assert len({row.file_name for row in rows}) == 2


def test_an_expired_trust_certificate_is_marked(node: Node, ca: Authority) -> None:
    later = timezone.now() + timedelta(days=4000)

    assert outcomes(judged(node, ca.root, "tomcat-trust", now=later))["validity"] == "warn"
