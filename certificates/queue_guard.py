"""Nothing but our own functions is queued, scheduled or run by the worker.

Its schedule table may name any function that can be imported, with any arguments, and a hook: who
can write to the database would run code. So each row is compared with ours where it is read, each
task where it is queued, and again where it is run; and hooks are taken away altogether. What is
not ours is turned into a task that says so, as an error would stop the tasks around it.
"""

import logging
import pydoc
from typing import Any

from django.db.models.signals import post_init, post_save
from django_q.models import Schedule, Task
from django_q.signals import call_hook, post_execute_in_worker, pre_enqueue, pre_execute

logger = logging.getLogger(__name__)

REFUSED = "certificates.tasks.refused"
# What may run -> the types of its arguments.
ALLOWED: dict[str, tuple[type, ...]] = {
    "certificates.tasks.run": (int,),
    "certificates.tasks.upkeep": (),
    "certificates.tasks.sign_of_life": (),
    "certificates.tasks.monitor": (),
    "ipsec.tasks.sweep": (),
    REFUSED: (),
}
# Name -> function, and each how many minutes.
SCHEDULES = {
    "certificate monitor": ("certificates.tasks.monitor", 1),
    "IPsec policies": ("ipsec.tasks.sweep", 1),
}
# What a task may carry besides; everything else (hook, chain, group, sync ...) is taken out.
_KEPT = {"id", "name", "func", "args", "kwargs", "started", "save", "ack_failure"}
_KEPT_IN_WORKER = _KEPT | {"cluster", "ack_id", "timeout"}
_SCHEDULE_FIELDS = {"func", "hook", "args", "kwargs", "schedule_type", "minutes", "repeats"}
_SCHEDULE_FIELDS |= {"cron", "cluster", "intended_date_kwarg", "name", "next_run"}


def install() -> None:
    """Once, when Django is ready."""
    post_save.disconnect(call_hook, sender=Task)
    post_init.connect(guard_schedule, sender=Schedule, dispatch_uid="guard_schedule")
    pre_enqueue.connect(guard_queue, dispatch_uid="guard_queue")
    pre_execute.connect(guard_run, dispatch_uid="guard_run")
    post_execute_in_worker.connect(clean_up, dispatch_uid="guard_clean_up")


def guard_schedule(sender: Any, instance: Schedule, **_: Any) -> None:
    """A row as it comes from the table; what is not ours runs once, as a refusal, and is gone."""
    values = instance.__dict__
    if instance.pk is None or not values.keys() >= _SCHEDULE_FIELDS:
        return  # a new one, or one that is only looked at
    wanted = SCHEDULES.get(str(values["name"]))
    is_ours = (
        wanted == (values["func"], values["minutes"])
        and values["schedule_type"] == Schedule.MINUTES
        and values["repeats"] == -1
        and not any(values[name] for name in ("hook", "args", "kwargs", "cron", "cluster"))
        and not values["intended_date_kwarg"]
    )
    if not is_ours:
        empty = dict.fromkeys(("hook", "args", "kwargs", "cron", "cluster", "intended_date_kwarg"))
        values.update(empty, name="refused", func=REFUSED, schedule_type=Schedule.ONCE, repeats=-1)


def guard_queue(sender: Any, task: dict[str, Any], **_: Any) -> None:
    """A task on its way into the queue."""
    if not _is_allowed(task):
        logger.error("a task that is none of ours was not queued: %r", str(task.get("func"))[:80])
        task.update(func=REFUSED, args=(), kwargs={})
    for name in set(task) - _KEPT:
        del task[name]


def guard_run(sender: Any, func: Any, task: dict[str, Any], **_: Any) -> None:
    """A task right before it runs: its arguments are what the worker still looks at."""
    for name in set(task) - _KEPT_IN_WORKER:
        del task[name]
    if not _is_allowed(task) or func is not pydoc.locate(task["func"]):
        logger.error("a task that is none of ours was not run: %r", str(task.get("func"))[:80])
        task.update(args=_Nothing(), kwargs={})


def clean_up(sender: Any, task: dict[str, Any], **_: Any) -> None:
    """What is kept of a refused task is its name."""
    if isinstance(task["args"], _Nothing):
        task.update(func=REFUSED, args=(), result="It is none of ours, and was not run.")


class _Nothing:
    """Arguments that can't be handed to a function: it is not called."""

    def __iter__(self) -> Any:
        raise TypeError("it is none of ours")


def _is_allowed(task: dict[str, Any]) -> bool:
    function, arguments = task.get("func"), task.get("args")
    if not isinstance(function, str) or function not in ALLOWED or task.get("kwargs"):
        return False
    if not isinstance(arguments, tuple | list):
        return False
    types = tuple(type(argument) for argument in arguments)
    return types == ALLOWED[function]
