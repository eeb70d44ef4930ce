"""What an operator does with policies, called in the product's own process (JSON in and out)."""

import threading
from dataclasses import replace
from typing import Any

from certificates import jobs
from certificates.access import Actor
from certificates.models import Job, JobState
from ipsec import operations
from ipsec.exchange.formats import Format
from ipsec.listener import Listener
from ipsec.models import Policy
from ipsec.operations.apply import JOB
from ipsec.operations.examine import LEGACY, OVERLAP
from ipsec.policy import choices
from ipsec.policy.definition import Definition

ACTOR = Actor("lab")
CONFIRMED = [LEGACY, OVERLAP]
TYPES: dict[str, Any] = {
    "authentication": choices.Authentication,
    "peer_type": choices.PeerType,
    "protocol": choices.Protocol,
    "mode": choices.Mode,
    "ike_version": choices.IkeVersion,
    "encryption": choices.Encryption,
    "hash": choices.Hash,
    "phase_one_dh": choices.DhGroup,
    "esp": choices.Esp,
    "phase_two_dh": choices.DhGroup,
}


def add(fields: dict[str, Any], key: str, enabled: bool = True) -> None:
    """A new policy; what follows from it is done when this returns."""
    operations.add_policy(
        Definition(**_typed(fields)),
        preshared_key=key,
        enabled=enabled,
        confirmed=CONFIRMED,
        actor=ACTOR,
    )
    do_jobs()


def change(name: str, fields: dict[str, Any], key: str = "") -> None:
    save(name, fields, key)
    do_jobs()


def save(name: str, fields: dict[str, Any], key: str = "") -> None:
    """Change a policy; what follows from it is left to the background worker."""
    row = _policy(name)
    operations.change_policy(
        row,
        replace(row.definition, **_typed(fields)),
        preshared_key=key,
        confirmed=CONFIRMED,
        actor=ACTOR,
    )


def enable(name: str, enabled: bool = True) -> None:
    operations.set_enabled([_policy(name)], enabled=enabled, actor=ACTOR)
    do_jobs()


def disconnect(name: str) -> None:
    operations.disconnect([_policy(name)], actor=ACTOR)


def diagnose(name: str) -> list[str]:
    """What the job of *Diagnose* says."""
    row = operations.request_diagnose(_policy(name), actor=ACTOR)
    done = jobs.run(row.pk)
    assert done is not None
    return [str(line) for line in done.messages]


def history(name: str) -> list[str]:
    """What happened, oldest first."""
    return list(_policy(name).negotiations.order_by("at", "pk").values_list("kind", flat=True))


def delete_all() -> None:
    operations.delete_policies(list(Policy.objects.all()), actor=ACTOR)
    do_jobs()


def export(form: str = Format.CCXSEC) -> str:
    """What *Export for the peer* gives, of all policies."""
    policies = list(Policy.objects.all())
    return operations.export_peer(policies, form=form, actor=ACTOR).content.decode()


def follow(exported: str, key: str) -> None:
    """Do what the other side's export says."""
    for one in operations.read_peer(exported.encode(), actor=ACTOR).policies:
        operations.add_policy(
            one, preshared_key=key, enabled=True, confirmed=CONFIRMED, actor=ACTOR
        )
    do_jobs()


def start_listening() -> None:
    """What `./ccxsec up` keeps a process for; ends with this process."""
    threading.Thread(target=Listener(threading.Event()).run, daemon=True).start()


def standing(name: str) -> dict[str, Any]:
    """How a policy stands, as its page tells it."""
    row = _policy(name)
    found = operations.standings([row])[row.pk]
    told = {"word": found.word, "sentence": found.sentence, "field": found.field}
    return told | {"leak": found.leak, "leak_sentence": found.leak_sentence}


def apply() -> str:
    return str(operations.apply(actor=ACTOR))


def do_jobs() -> None:
    """What the background worker does: the jobs that are due."""
    for row in Job.objects.filter(state=JobState.QUEUED, kind=JOB):
        done = jobs.run(row.pk)
        assert done is None or done.state == JobState.DONE, done.messages


def _policy(name: str) -> Policy:
    return Policy.objects.named([name]).get()


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return {field: TYPES.get(field, lambda v: v)(value) for field, value in fields.items()}
