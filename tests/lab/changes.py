"""The changes of a node's certificates that are killed and raced: set up, prepared and made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ccxsec_project.management.commands.up import make_master_key
from certificates import jobs
from certificates.access import Actor
from certificates.models import (
    Action,
    Certificate,
    Deployment,
    Event,
    Job,
    Node,
    Purpose,
    Service,
    SigningRequest,
)
from certificates.operations import deploy as put_in_force
from certificates.operations import generate, save_node
from certificates.operations.consequences import intend
from certificates.operations.examination import WARNINGS
from certificates.operations.generate import CA_SIGNED, Generated
from certificates.operations.request import EVERYTHING, pending_for, request_certificate
from certificates.operations.roll_back import examine_roll_back, roll_back
from certificates.operations.upload import Installed, examine, install_upload
from certificates.x509.policy import KeyChoice
from tests.lab.authority import Authority
from tests.lab.elsewhere import catch_up_elsewhere, renew_elsewhere, set_up_elsewhere
from tests.lab.worker import say

ACTOR = Actor("lab")


def install(key: str = KeyChoice.EC_P256) -> None:
    """What a first `./ccxsec up` sets up, as far as certificates need it, with a quick key."""
    make_master_key(is_new_database=True)
    call_command("migrate", verbosity=0, interactive=False)
    name, addresses = "ccx1.example.com", ["192.0.2.10"]
    save_node(Node(is_local=True), host_name=name, addresses=addresses, actor=ACTOR)
    for purpose in Purpose.own():
        deploy(replace_certificate("", purpose, key).job)


def fingerprints() -> list[str]:
    return list(Certificate.objects.own().values_list("fingerprint", flat=True))


def active_fingerprint() -> str:
    return str(Node.objects.local().certificates.active().get(purpose="tomcat").fingerprint)


def deploy(*due: Job | None) -> None:
    for job in due:
        jobs.run(job.pk if job else 0)


def replace_certificate(
    seen: str, purpose: Purpose = Purpose.TOMCAT, key: str = KeyChoice.EC_P256
) -> Generated:
    node, now, confirmed = Node.objects.local(), timezone.now(), [CA_SIGNED]
    return generate(
        node, purpose, key=key, replacing=seen, confirmed=confirmed, actor=ACTOR, now=now
    )


def regenerate(_: None = None) -> None:
    done = replace_certificate(active_fingerprint())
    say({"step": "generated", "fingerprint": done.certificate.fingerprint})
    deploy(done.job)


def new_request(replacing: list[int], *others: Node, node: Node | None = None) -> SigningRequest:
    """With a key that is quickly made; None: of the local node."""
    return request_certificate(
        node or Node.objects.local(),
        Purpose.TOMCAT,
        key=KeyChoice.RSA_1024,
        others=others,
        replacing=replacing,
        confirmed=EVERYTHING,
        actor=ACTOR,
        now=timezone.now(),
    ).request


def pending_requests() -> list[int]:
    return [row.pk for row in pending_for([Node.objects.local()], Purpose.TOMCAT)]


def request(_: None = None) -> None:
    made = new_request(pending_requests())
    say({"step": "requested", "fingerprint": made.public_key_fingerprint})


def pending_request() -> SigningRequest:
    """The one that is pending, or a new one."""
    row = SigningRequest.objects.pending().first()
    return row or new_request([])


def have_a_pending_one() -> None:
    pending_request()


def answered_request() -> bytes:
    """A chain of new authorities for the pending request."""
    return Authority().answer(pending_request().pem)


def shown_of(data: bytes) -> str:
    return examine(Node.objects.local(), Purpose.TOMCAT, data, now=timezone.now()).shown


def install_shown(data: bytes, shown: str, purpose: Purpose = Purpose.TOMCAT) -> Installed:
    node, now, confirmed = Node.objects.local(), timezone.now(), [WARNINGS]
    return install_upload(
        node, purpose, data, shown=shown, confirmed=confirmed, actor=ACTOR, now=now
    )


def install_answer(answer: bytes) -> None:
    done = install_shown(answer, shown_of(answer))
    say({"step": "installed", "fingerprint": done.identities[0].fingerprint})
    deploy(*done.jobs)


def have_a_former_one() -> None:
    """A certificate that a CA has signed in the place of the generated one."""
    answer = answered_request()
    deploy(*install_shown(answer, shown_of(answer)).jobs)


def shown_of_roll_back() -> str:
    return examine_roll_back(Node.objects.local(), Purpose.TOMCAT, now=timezone.now()).shown


def roll_back_shown(shown: str) -> Job | None:
    node, now, confirmed = Node.objects.local(), timezone.now(), [WARNINGS]
    return roll_back(
        node, Purpose.TOMCAT, shown=shown, confirmed=confirmed, actor=ACTOR, now=now
    ).job


def bring_back(_: None = None) -> None:
    job = roll_back_shown(shown_of_roll_back())
    say({"step": "rolled back", "fingerprint": roll_backs()[-1]})
    deploy(job)


def roll_backs() -> list[str]:
    """One that is rolled back twice is no new certificate: the events stand for them."""
    done = Event.objects.filter(action=Action.CERTIFICATE_ROLL_BACK.value)
    return list(done.order_by("sequence").values_list("code", flat=True))


def fall_behind() -> None:
    """The node should hold something new."""
    with transaction.atomic():
        row = Deployment.objects.lock(Node.objects.local(), Service.TOMCAT)
        intend(row, ACTOR)


def catch_up(_: None = None) -> None:
    put_in_force(Node.objects.local(), Service.TOMCAT, actor=ACTOR, now=timezone.now())
    say({"step": "deployed", "fingerprint": deploys()[-1]})


def deploys() -> list[str]:
    """The events of what came into force."""
    done = Event.objects.filter(action=Action.CERTIFICATE_DEPLOY.value)
    return list(done.order_by("sequence").values_list("code", flat=True))


def request_fingerprints() -> list[str]:
    return list(SigningRequest.objects.values_list(F("public_key_fingerprint"), flat=True))


@dataclass(frozen=True)
class Change:
    """One that is made again and again.

    Args:
        make: is given what `prepare` returned; says a fingerprint once it is done.
        kept: the fingerprints of all that were done.
    """

    make: Callable[[Any], None]
    kept: Callable[[], list[str]]
    prepare: Callable[[], Any] = lambda: None
    set_up: Callable[[], None] = lambda: None


CHANGES = {
    "regenerate": Change(regenerate, fingerprints),
    "request": Change(request, request_fingerprints, set_up=have_a_pending_one),
    "install": Change(install_answer, fingerprints, prepare=answered_request),
    "deploy": Change(catch_up, deploys, prepare=fall_behind),
    "deploy elsewhere": Change(
        catch_up_elsewhere, deploys, prepare=renew_elsewhere, set_up=set_up_elsewhere
    ),
    "roll back": Change(bring_back, roll_backs, set_up=have_a_former_one),
}


def set_up(name: str) -> None:
    CHANGES[name].set_up()


def kept(name: str) -> list[str]:
    return CHANGES[name].kept()
