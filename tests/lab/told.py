"""The audit log tells what is there, and nothing else; and it is whole."""

from collections import Counter
from collections.abc import Iterable, Iterator

from certificates import anchor
from certificates.models import Action, Certificate, Event, Node, Purpose, SigningRequest
from certificates.operations import verify_audit

_MADE = (Action.CERTIFICATE_GENERATE, Action.CERTIFICATE_INSTALL)
_PUT_IN_FORCE = (*_MADE, Action.CERTIFICATE_ROLL_BACK)


def told_violations(*, whole: bool) -> Iterator[str]:
    """What the log does not tell, or tells wrongly.

    Args:
        whole: verify also every code, and that the anchor has come to its end.
    """
    own = Certificate.objects.own().values_list("pk", flat=True)
    yield from _compared("own certificate", own, told_of(*_MADE))
    requests = SigningRequest.objects.values_list("pk", flat=True)
    yield from _compared("request", requests, told_of(Action.REQUEST_GENERATE))
    trust = Certificate.objects.trust().values_list("pk", flat=True)
    there = told_of(Action.TRUST_ADD)
    there.subtract(told_of(Action.TRUST_DELETE))
    yield from _compared("trust certificate", trust, there)
    yield from _force_violations()
    anchored = anchor.read()
    newest = Event.objects.filter(sequence=anchored.sequence) if anchored else None
    if anchored and newest is not None and not newest.filter(code=anchored.code).exists():
        yield f"anchor.ahead: {anchored.sequence}"
    if whole and (problem := verify_audit().problem):
        yield f"audit.broken: {problem}"


def told_of(*actions: Action) -> Counter[int]:
    """Keys of the rows that the log names, and how often."""
    events = Event.objects.filter(action__in=[action.value for action in actions])
    return Counter(int(pk) for pk in events.values_list("object_id", flat=True))


def _compared(what: str, rows: Iterable[int], told: Counter[int]) -> Iterator[str]:
    there = Counter(rows)
    if there - told:
        yield f"audit.untold: {what} {sorted(there - told)}"
    if told - there:
        yield f"audit.untrue: {what} {sorted(told - there)}"


def _force_violations() -> Iterator[str]:
    """The certificate in force is the one that the log names last."""
    changes = Event.objects.filter(action__in=[action.value for action in _PUT_IN_FORCE])
    for node in Node.objects.all():
        for purpose in Purpose.own():
            here = node.certificates.for_purpose(purpose)
            active = here.active().first()
            rows = [str(pk) for pk in here.values_list("pk", flat=True)]
            newest = changes.filter(object_id__in=rows).order_by("-sequence").first()
            if active and newest and newest.object_id != str(active.pk):
                yield f"audit.untrue: not certificate {newest.object_id} is in force"
