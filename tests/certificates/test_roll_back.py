"""Roll back: one step, the same checks, and back again."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Certificate, Deployment, Event, Node, Purpose, RestartNotice, State
from certificates.operations.delete import delete_trusted, impact_of
from certificates.operations.examination import WARNINGS
from certificates.operations.roll_back import RolledBack, examine_roll_back, roll_back
from certificates.refusal import Refused
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active


@pytest.fixture
def installed(ask: Ask, put: Put, ca: Authority, node: Node) -> Certificate:
    """A CA-signed certificate in the place of the self-signed one."""
    put(ca.pkcs7(ca.sign(ask().pem), ca.sub, ca.root))
    return active(node)


def back(node: Node, actor: Actor) -> RolledBack:
    now = timezone.now()
    shown = examine_roll_back(node, "tomcat", now=now).shown
    return roll_back(node, "tomcat", shown=shown, confirmed=[WARNINGS], actor=actor, now=now)


def test_brings_the_former_certificate_and_its_key_back(
    node: Node, actor: Actor, tomcat: Certificate, installed: Certificate
) -> None:
    generation = Deployment.objects.get(node=node, service="tomcat").generation

    done = back(node, actor)

    assert active(node) == tomcat == done.certificate
    installed.refresh_from_db()
    assert installed.state == State.SUPERSEDED
    assert Deployment.objects.get(node=node, service="tomcat").generation == generation + 1
    assert done.job is not None
    notice = RestartNotice.objects.open().get(node=node, service="tomcat")
    assert notice.expected == tomcat.fingerprint
    assert Event.objects.filter(action="certificate:roll-back").count() == 1


def test_a_second_roll_back_returns(
    node: Node, actor: Actor, tomcat: Certificate, installed: Certificate
) -> None:
    back(node, actor)
    back(node, actor)

    assert active(node) == installed


def test_takes_the_one_that_was_replaced_last(
    node: Node, actor: Actor, put: Put, ca: Authority, installed: Certificate
) -> None:
    request = Certificate.objects.get(pk=installed.pk)
    key = request.private_key
    assert key is not None
    renewed = ca.sign(key.signing_request.pem, days=200)
    put(renewed)

    assert back(node, actor).certificate == installed


def test_nothing_to_go_back_to_is_said(node: Node) -> None:
    with pytest.raises(Refused) as refusal:
        examine_roll_back(node, Purpose.IPSEC, now=timezone.now())

    assert refusal.value.code == "rollback.none"


def test_an_expired_former_certificate_stays_where_it_is(
    node: Node, actor: Actor, installed: Certificate
) -> None:
    later = timezone.now() + timedelta(days=9000)
    shown = examine_roll_back(node, "tomcat", now=later)

    assert shown.failed is not None
    with pytest.raises(Refused, match="expired"):
        roll_back(node, "tomcat", shown=shown.shown, actor=actor, now=later)
    assert active(node) == installed


def test_a_former_certificate_whose_issuer_was_deleted_stays_where_it_is(
    node: Node, actor: Actor, installed: Certificate
) -> None:
    back(node, actor)
    now, store = timezone.now(), Certificate.objects.trust()
    keys = list(store.values_list("pk", flat=True))
    delete_trusted(keys, shown=impact_of(keys, now=now).shown, actor=actor, now=now)

    with pytest.raises(Refused) as refusal:
        back(node, actor)

    assert refusal.value.code == "path.no-issuer"


def test_what_changed_since_is_not_rolled_back(
    node: Node, actor: Actor, installed: Certificate
) -> None:
    now = timezone.now()
    shown = examine_roll_back(node, "tomcat", now=now).shown
    back(node, actor)

    with pytest.raises(Refused) as refusal:
        roll_back(node, "tomcat", shown=shown, actor=actor, now=now)

    assert refusal.value.code == "state.changed"


def test_asks_for_the_permission(node: Node, nobody: Actor, installed: Certificate) -> None:
    shown = examine_roll_back(node, "tomcat", now=timezone.now()).shown

    with pytest.raises(PermissionDenied):
        roll_back(node, "tomcat", shown=shown, actor=nobody, now=timezone.now())
