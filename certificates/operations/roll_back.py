"""Roll back: bring the former own certificate back, with its key, in one step."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.cells import at
from certificates.models import Action, Certificate, Deployment, Event, Job, Node, Purpose
from certificates.operations.consequences import ask_for_restarts, intend
from certificates.operations.examination import passed, refuse_unless_accepted, under_policy, warned
from certificates.operations.examine_identity import path_in_words
from certificates.operations.paths import path_in_store
from certificates.operations.store_content import certificate_key_fingerprint
from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say
from certificates.x509.facts import CertificateType
from certificates.x509.visible import visible


@dataclass(frozen=True, slots=True)
class RollBack:
    """What would be brought back, in the place of what, and every check of it."""

    former: Certificate
    current: Certificate
    checks: tuple[Finding, ...]

    @property
    def failed(self) -> Finding | None:
        return next((check for check in self.checks if check.outcome == Outcome.FAIL), None)

    @property
    def warnings(self) -> list[Finding]:
        return [check for check in self.checks if check.outcome == Outcome.WARN]

    @property
    def shown(self) -> str:
        """Stands for what the operator sees."""
        outcomes = ",".join(f"{check.code}={check.outcome}" for check in self.checks)
        return f"{self.former.fingerprint}:{self.current.fingerprint}:{outcomes}"


@dataclass(frozen=True, slots=True)
class RolledBack:
    certificate: Certificate
    superseded: Certificate
    job: Job | None


def examine_roll_back(
    node: Node, purpose: Purpose | str, *, to: str = "", now: datetime
) -> RollBack:
    """A former certificate of a purpose, and whether it may come back.

    Args:
        to: SHA-256 fingerprint of the former one; "" takes the one that was replaced last.

    Raises:
        Refused: purpose.*, rollback.none, rollback.unknown.
    """
    purpose = Purpose.own_named(purpose)
    rows = node.certificates.for_purpose(purpose).select_related("node", "private_key")
    wanted = to.replace(":", "").lower()
    candidates = rows.former().filter(fingerprint=wanted) if to else rows.former()
    former, current = candidates.first(), rows.active().first()
    if former is None and rows.former().exists():
        wrong = say(
            "No former {purpose} certificate of {node} has the fingerprint {to}.",
            purpose=purpose,
            node=node,
            to=visible(to)[:64],
        )
        raise Refused("rollback.unknown", wrong, say("Look at the details of the one in force."))
    if former is None or current is None:
        wrong = say(
            "{node} has no former {purpose} certificate: nothing was replaced yet.",
            node=node,
            purpose=purpose,
        )
        raise Refused("rollback.none", wrong, say("Upload the one that you want."))
    checks = [
        _key(former),
        *_strength(former),
        _validity(former, now),
        *_path(former, purpose, now),
    ]
    return RollBack(former, current, under_policy(checks))


def _key(former: Certificate) -> Finding:
    key = former.private_key
    if key is None or key.public_key_fingerprint != certificate_key_fingerprint(former):
        wrong = say("Its private key is not here any more.")
        return Finding("identity.key", wrong, say("Make a new CSR, or generate a certificate."))
    return passed("identity.key", say("Its private key is here."))


def _strength(former: Certificate) -> Iterator[Finding]:
    if former.is_legacy:
        wrong = say(
            "It is legacy: {key_label}, {signature_algorithm}.",
            key_label=former.key_label,
            signature_algorithm=former.signature_algorithm,
        )
        cure = say("Generate or request a stronger one.")
        yield Finding("key.weak", wrong, cure, Outcome.WARN, is_legacy=True)


def _validity(former: Certificate, now: datetime) -> Finding:
    end = former.not_after
    if end is None or end < now:
        wrong = say("It has expired: it was valid until {at}.", at=at(end)) if end else ""
        cure = say("Upload a renewed one, or generate a self-signed one.")
        return Finding("validity", wrong or say("Its end can't be read."), cure)
    if former.not_before and former.not_before > now:
        wrong = say("It is not valid yet: it begins on {at}.", at=at(former.not_before))
        return warned("validity", wrong, say("Wait, or look at the clock of this server."))
    return passed(
        "validity",
        say("Valid until {end} ({days} days).", end=f"{end:%Y-%m-%d}", days=(end - now).days),
    )


def _path(former: Certificate, purpose: Purpose, now: datetime) -> tuple[Finding, ...]:
    if former.type == CertificateType.SELF_SIGNED:
        sentence = say("Self-signed: clients trust it by trusting exactly this certificate.")
        return (passed("path", sentence),)
    verdict = path_in_store(former.node, purpose, bytes(former.der), now=now)
    if not verdict.trusted:
        return verdict.findings
    words = path_in_words(verdict, f"{purpose.service}-trust")
    return passed("path", words), *verdict.findings


def roll_back(
    node: Node,
    purpose: Purpose | str,
    *,
    to: str = "",
    shown: str,
    confirmed: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> RolledBack:
    """Put a former certificate and its key in force again; the present one becomes the former.

    Args:
        to: as `examine_roll_back` takes it.
        shown: `RollBack.shown` of what the operator was shown.
        confirmed: `WARNINGS`, where the operator has confirmed them.

    Raises:
        PermissionDenied: `actor` may not upload.
        Refused: what `examine_roll_back` raises, the code of a check that fails,
            confirm.warnings, state.changed.
    """
    actor.require(Permission.UPLOAD)
    purpose = Purpose.own_named(purpose)
    with transaction.atomic():
        deployment = Deployment.objects.lock(node, purpose.service)
        found = examine_roll_back(node, purpose, to=to, now=now)
        if found.shown != shown:
            wrong = say(
                "The {purpose} certificate of {node} was changed since you looked at it.",
                purpose=purpose,
                node=node,
            )
            raise Refused("state.changed", wrong, say("Look at it again, then decide."))
        refuse_unless_accepted(found.checks, confirmed)
        found.current.supersede(now)
        found.former.bring_back()
        Event.objects.record(
            str(actor),
            Action.CERTIFICATE_ROLL_BACK,
            found.former,
            fingerprint=found.former.fingerprint,
            replaced=found.current.fingerprint,
        )
        reason = f"The {found.former} was rolled back to the former one."
        new = found.former.fingerprint
        ask_for_restarts(node, purpose, reason, fingerprint=new, now=now)
        job = intend(deployment, actor)
    return RolledBack(found.former, found.current, job)
