"""What an operator says was done: a restart, a backup; and the end of a job."""

from datetime import datetime

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import (
    Action,
    BackupReminder,
    Closing,
    Event,
    Job,
    JobState,
    RestartNotice,
)
from certificates.refusal import Refused
from certificates.sentence import say


@transaction.atomic
def acknowledge_restart(notice: RestartNotice, *, actor: Actor, now: datetime) -> None:
    """Close a notice on the operator's word, with name and time.

    A notice that was renewed since `notice` was read is another one: nobody has seen it.

    Raises:
        PermissionDenied: `actor` may not restart.
        Refused: restart.closed.
    """
    actor.require(Permission.RESTART)
    Event.objects.hold()
    changed = (
        RestartNotice.objects.open()
        .filter(pk=notice.pk, opened_at=notice.opened_at)
        .update(closed_at=now, closed_by=str(actor), closing=Closing.ACKNOWLEDGED)
    )
    if not changed:
        wrong = say(
            "The {notice} is not due any more, or for another reason than you were shown.",
            notice=notice,
        )
        raise Refused("restart.closed", wrong, say("Look at the list again."))
    Event.objects.record(str(actor), Action.RESTART_ACKNOWLEDGE, notice, reason=notice.reason)


@transaction.atomic
def acknowledge_backup(*, actor: Actor, now: datetime) -> None:
    """Close the backup reminder on the operator's word.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: backup.closed.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    reminder = BackupReminder.objects.open().select_for_update().first()
    if reminder is None:
        raise Refused(
            "backup.closed", say("No backup reminder is open."), say("There is nothing to do.")
        )
    BackupReminder.objects.filter(pk=reminder.pk).update(closed_at=now, closed_by=str(actor))
    Event.objects.record(str(actor), Action.BACKUP_ACKNOWLEDGE, reminder)


@transaction.atomic
def cancel_job(
    job: Job, *, permission: Permission = Permission.CONFIGURE, actor: Actor, now: datetime
) -> None:
    """End a queued job, or ask a running one to stop at its next step.

    Args:
        permission: what lets `actor` do it; a screen that starts jobs of one kind has its own.

    Raises:
        PermissionDenied: `actor` may not.
        Refused: job.ended.
    """
    actor.require(permission)
    Event.objects.hold()
    row = Job.objects.select_for_update().get(pk=job.pk)
    if row.is_final:
        raise Refused(
            "job.ended",
            say("The job {row} has ended already.", row=row),
            say("There is nothing to do."),
        )
    row.cancel_requested = True
    if row.state == JobState.QUEUED:
        row.state, row.ended_at = JobState.CANCELLED, now
    row.save(update_fields=["cancel_requested", "state", "ended_at"])
    Event.objects.record(str(actor), Action.JOB_CANCEL, row)
