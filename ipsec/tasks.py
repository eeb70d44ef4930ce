"""What the worker cluster calls, each minute, by its schedule."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from certificates.access import Actor
from certificates.refusal import Refused
from ipsec.models import Negotiation, Policy
from ipsec.operations import apply, end_trials

logger = logging.getLogger(__name__)
SWEEP = Actor("sweep")


def sweep() -> None:
    """End trials, put in force what is not, prune the history."""
    now = timezone.now()
    for policy in end_trials(now=now):
        logger.warning("%s: nobody confirmed it; it is disabled again", policy)
    Negotiation.objects.prune(before=now - timedelta(days=settings.CCXSEC_IPSEC_HISTORY_DAYS))
    try:
        applied = apply(actor=SWEEP)
    except Refused as error:
        if error.code != "daemon.down" or Policy.objects.enabled().exists():
            logger.warning("%s", error)
    else:
        logger.info("%s", applied)
