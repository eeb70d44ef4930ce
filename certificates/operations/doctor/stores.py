"""The stores of this server hold what is intended, whole; other servers are not asked.

`./ccxsec cert deploy --check` looks at the others, as that needs a connection.
"""

from collections.abc import Iterator

from certificates.models import Deployment, Job, JobState, Service
from certificates.operations.deploy import inspect
from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding

_KINDS = ("deploy", "overwrite")


def store_problems(asked: Asked) -> Iterator[Finding]:
    """Compare content, modes, link and manifest of each; nothing is written there."""
    for place in Deployment.objects.filter(node__is_local=True).select_related("node"):
        found = inspect(place)
        again = f"Look at it, then run ./ccxsec cert deploy {place.service} --overwrite."
        for line in found.foreign:
            wrong = f"The store of {place} was changed by hand: {line}"
            yield Finding("store.foreign", wrong, again)
        if not asked.settled and _is_under_way(place):
            continue
        for line in found.behind:
            wrong = f"The store of {place} is not as intended: {line}"
            yield Finding("store.behind", wrong, f"Run ./ccxsec cert deploy {place.service}.")
        if found.is_in_force and not Deployment.objects.get(pk=place.pk).is_in_force:
            wrong = f"{place} is in force, and the database does not know it."
            cure = f"Run ./ccxsec cert deploy {place.service}; look whether the worker runs."
            yield Finding("store.unnoted", wrong, cure)


def _is_under_way(place: Deployment) -> bool:
    """A deploy that is queued or running will bring it."""
    node, service = place.node_id, Service(place.service).value
    states = [JobState.QUEUED, JobState.RUNNING]
    open_jobs = Job.objects.filter(kind__in=_KINDS, state__in=states)
    return open_jobs.filter(arguments__node=node, arguments__service=service).exists()
