"""What the dashboard tells of IPsec policies, from the database alone (IP-7)."""

from django.urls import reverse
from django.utils import timezone

from ccxsec_project.attention import Attention
from certificates.access import Actor, Permission
from certificates.sentence import say
from ipsec.find import LEGACY
from ipsec.models import IpsecSettings, Kind, Negotiation, Policy
from ipsec.moments import distance
from ipsec.operations.history import newest_of

NAMED = 5  # policies of one kind
LOOKED_AT = 200  # of the newest failures


def attention_of_policies(actor: Actor) -> list[Attention]:
    """What keeps enabled policies from being in force, and what should not stay as it is."""
    return [*_upgrade(), *_trials(actor), *_troubled(), *_failed(), *_legacy()]


def _upgrade() -> list[Attention]:
    row = IpsecSettings.objects.current()
    if not row.upgrade_in_progress:
        return []
    said = say(
        "A system upgrade is in progress, said {upgrade_by}: IPSec policies can't change.",
        upgrade_by=row.upgrade_by,
    )
    return [Attention("soon", say("Upgrade"), said, say("Say when it has ended"), _list())]


def _trials(actor: Actor) -> list[Attention]:
    now, may = timezone.now(), actor.may(Permission.OPERATE_POLICIES)
    return [
        Attention(
            "soon",
            say("On trial"),
            say(
                "The IPSEC policy {row} is disabled again {distance}.",
                row=row,
                distance=distance(row.trial_until, now),
            ),
            say("Confirm it") if may else say("Have it confirmed"),
            _page(row),
        )
        for row in Policy.objects.on_trial()[:NAMED]
        if row.trial_until
    ]


def _troubled() -> list[Attention]:
    """Enabled, and not to be loaded: their traffic may leave in the clear."""
    rows = Policy.objects.enabled().exclude(trouble="").in_list_order()
    return [
        Attention(
            "critical",
            say("Not in force"),
            say(
                "The IPSEC policy {row} is enabled, and not in force. {trouble}",
                row=row,
                trouble=row.trouble,
            ),
            say("Look at the policy"),
            _page(row),
        )
        for row in rows[:NAMED]
    ]


def _failed() -> list[Attention]:
    """Enabled ones whose history ends with a failure, among the newest failures."""
    failures = Negotiation.objects.filter(
        kind=Kind.FAILED, policy__is_enabled=True, policy__trouble=""
    )
    keys = failures.order_by("-last_at", "-pk").values_list("policy_id", flat=True)[:LOOKED_AT]
    ends = newest_of(list(dict.fromkeys(keys)))
    failed = {pk: end for pk, end in ends.items() if end.kind == Kind.FAILED}
    rows = Policy.objects.filter(pk__in=list(failed)).in_list_order()[:NAMED]
    return [
        Attention(
            "critical",
            say("Failed"),
            say(
                "The IPSEC policy {row} could not be negotiated. {sentence}",
                row=row,
                sentence=failed[row.pk].sentence,
            ),
            say("Diagnose it"),
            _page(row),
        )
        for row in rows
        if failed[row.pk].last_at >= row.changed_at
    ]


def _legacy() -> list[Attention]:
    rows = Policy.objects.enabled().filter(LEGACY).in_list_order()
    found = list(rows[: NAMED + 1])
    if not found:
        return []
    names = ", ".join(str(row) for row in found[:NAMED])
    said = say("Enabled IPSEC policies use legacy algorithms: {names}.", names=names)
    if len(found) > NAMED:
        said = say("Enabled IPSEC policies use legacy algorithms: {names} and others.", names=names)
    return [
        Attention(
            "soon", say("Legacy"), said, say("See them"), f"{_list()}?state=enabled&legacy=yes"
        )
    ]


def _list() -> str:
    return reverse("admin:ipsec_policy_changelist")


def _page(row: Policy) -> str:
    return reverse("admin:ipsec_policy_page", args=[row.pk])
