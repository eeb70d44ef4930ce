"""IPSEC Configuration: policies, and how they stand."""

from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from ccxsec_project.api.authentication import actor_of
from ccxsec_project.api.fields import Body, Confirmed, Cursor, Key, KeyInPath, Limit, Text, moment
from ccxsec_project.api.paging import page_by
from ccxsec_project.api.resources.definitions import DefinitionIn, DefinitionOut, definition_told
from ccxsec_project.api.resources.jobs import JobOut
from ccxsec_project.api.resources.jobs import told as job_told
from certificates.access import Permission
from certificates.conditions import MAXIMUM_ROWS, Operator, from_address
from ipsec.find import to_query
from ipsec.management.answers import standing_line
from ipsec.models import Policy
from ipsec.operations import (
    add_policy,
    change_policy,
    confirm_trial,
    delete_policies,
    listen,
    request_connect,
    request_diagnose,
    set_enabled,
    standings,
)
from ipsec.operations.save import held

router = Router(tags=["IPSEC Configuration"])
FindRows = Annotated[list[Text], Query(max_length=MAXIMUM_ROWS)]
Trial = Annotated[
    int | None,
    Field(None, ge=1, le=10**6, description="Minutes after which it is disabled again."),
]
AT_ONCE = 200  # policies whose standing is told
Wanted = Annotated[list[Key], Query(max_length=AT_ONCE, description="None: the enabled ones.")]


class PolicyOut(DefinitionOut):
    """One policy. Of its pre-shared key only whether there is one."""

    id: int
    enabled: bool
    has_preshared_key: bool
    trial_until: str | None
    trouble: str
    revision: int
    changed_at: str | None
    changed_by: str


class PolicyPage(Schema):
    items: list[PolicyOut]
    next: str | None


class StandingOut(Schema):
    """How a policy stands, by daemon and kernel of this moment."""

    id: int
    policy: str
    state: str
    packets: str
    peer: str
    algorithms: str
    bytes_out: int
    bytes_in: int
    since: str
    about: str


class StandingsOut(Schema):
    daemon: str
    silence: str = Field(description="Why the daemon could not be asked.")
    items: list[StandingOut]


class PolicyIn(DefinitionIn):
    preshared_key: Text = Field("", description="Write only.")
    enabled: bool = False
    trial_minutes: Trial
    with_pair: bool = Field(False, description="Others of the same two hosts follow.")
    confirmed: Confirmed = []


class PolicyChange(PolicyIn):
    """What is to be changed; what is not given stays."""

    enabled: bool | None = None  # type: ignore[assignment] # not given: it stays
    revision: Key = Field(description="Of the policy that you were shown.")


class SwitchIn(Body):
    revision: Key = Field(description="Of the policy that you were shown.")
    trial_minutes: Trial


def told(row: Policy) -> dict[str, object]:
    """A policy as the API shows it."""
    return definition_told(row.definition) | {
        "id": row.pk,
        "enabled": row.is_enabled,
        "has_preshared_key": bool(row.key_mark),
        "trial_until": moment(row.trial_until),
        "trouble": row.trouble,
        "revision": row.revision,
        "changed_at": moment(row.changed_at),
        "changed_by": row.changed_by,
    }


@router.get("", response=PolicyPage, summary="Find policies")
def list_policies(
    request: HttpRequest,
    *,
    field: FindRows = [],  # noqa: B006 - pydantic copies it
    op: Annotated[list[Operator], Query(max_length=MAXIMUM_ROWS)] = [],  # noqa: B006
    value: FindRows = [],  # noqa: B006
    limit: Limit = 50,
    after: Cursor = "",
) -> dict[str, object]:
    """Find rows are `field`, `op` and `value`, as in the address of the list.

    Needs the scope `ipsec.view_policy`.
    """
    actor_of(request).require(Permission.VIEW_POLICIES)
    rows = Policy.objects.filter(to_query(from_address(request.GET)))
    return page_by(rows, "pk", told, limit=limit, after=after)


@router.get("/standing", response=StandingsOut, summary="Show how policies stand")
def show_standings(
    request: HttpRequest,
    policy: Wanted = [],  # noqa: B006 - pydantic copies it
) -> dict[str, object]:
    """Needs the scope `ipsec.view_policy`."""
    actor_of(request).require(Permission.VIEW_POLICIES)
    wanted = Policy.objects.filter(pk__in=policy) if policy else Policy.objects.enabled()
    rows, heard = list(wanted.in_list_order()[:AT_ONCE]), listen()
    found = standings(rows, heard)
    return {
        "daemon": heard.daemon,
        "silence": heard.silence,
        "items": [{"id": row.pk} | standing_line(row, found[row.pk]) for row in rows],
    }


@router.get("/{int:policy}", response=PolicyOut, summary="Show a policy")
def show_policy(request: HttpRequest, policy: KeyInPath) -> dict[str, object]:
    """Needs the scope `ipsec.view_policy`."""
    actor_of(request).require(Permission.VIEW_POLICIES)
    return told(get_object_or_404(Policy, pk=policy))


@router.post("", response={201: PolicyOut}, summary="Add a policy")
def add(request: HttpRequest, body: PolicyIn) -> Status[dict[str, object]]:
    """Group and name are its identity: sent twice, the second one is refused.

    Needs the scope `ipsec.configure_policy`.
    """
    actor = actor_of(request)
    actor.require(Permission.CONFIGURE_POLICIES)
    row = add_policy(
        body.definition(),
        preshared_key=body.preshared_key,
        enabled=body.enabled,
        trial_minutes=body.trial_minutes,
        with_pair=body.with_pair,
        confirmed=body.confirmed,
        actor=actor,
    )
    return Status(201, told(Policy.objects.get(pk=row.pk)))


@router.patch("/{int:policy}", response=PolicyOut, summary="Change a policy")
def change(request: HttpRequest, policy: KeyInPath, body: PolicyChange) -> dict[str, object]:
    """A later revision than the one that you were shown refuses it with 409.

    Needs the scope `ipsec.configure_policy`.
    """
    row, actor = get_object_or_404(Policy, pk=policy), actor_of(request)
    actor.require(Permission.CONFIGURE_POLICIES)
    row = change_policy(
        row,
        body.definition(row.definition),
        preshared_key=body.preshared_key,
        enabled=body.enabled,
        trial_minutes=body.trial_minutes,
        revision=body.revision,
        with_pair=body.with_pair,
        confirmed=body.confirmed,
        actor=actor,
    )
    return told(Policy.objects.get(pk=row.pk))


@router.delete("/{int:policy}", response={204: None}, summary="Delete a policy with its key")
def delete(
    request: HttpRequest,
    policy: KeyInPath,
    revision: Annotated[Key, Query(description="Of the policy that you were shown.")],
) -> Status[None]:
    """Its traffic goes in the clear from then on. A second time it is 404.

    Needs the scope `ipsec.configure_policy`.
    """
    delete_policies([held(get_object_or_404(Policy, pk=policy), revision)], actor=actor_of(request))
    return Status(204, None)


@router.post("/{int:policy}/enable", response=PolicyOut, summary="Enable a policy")
def enable(request: HttpRequest, policy: KeyInPath, body: SwitchIn) -> dict[str, object]:
    """Needs the scope `ipsec.configure_policy`."""
    return _switch(request, policy, body, enabled=True)


@router.post("/{int:policy}/disable", response=PolicyOut, summary="Disable a policy")
def disable(request: HttpRequest, policy: KeyInPath, body: SwitchIn) -> dict[str, object]:
    """Its traffic goes in the clear from then on.

    Needs the scope `ipsec.configure_policy`.
    """
    return _switch(request, policy, body, enabled=False)


def _switch(
    request: HttpRequest, policy: int, body: SwitchIn, *, enabled: bool
) -> dict[str, object]:
    row = get_object_or_404(Policy, pk=policy)
    if row.is_enabled != enabled:  # sent twice, it is done once
        set_enabled(
            [held(row, body.revision)],
            enabled=enabled,
            trial_minutes=body.trial_minutes,
            actor=actor_of(request),
        )
    else:
        actor_of(request).require(Permission.CONFIGURE_POLICIES)
    return told(Policy.objects.get(pk=row.pk))


@router.post("/{int:policy}/confirm", response=PolicyOut, summary="Keep what was enabled on trial")
def confirm(request: HttpRequest, policy: KeyInPath) -> dict[str, object]:
    """Needs the scope `ipsec.operate_policy`."""
    row = get_object_or_404(Policy, pk=policy)
    confirm_trial([row], actor=actor_of(request))
    return told(Policy.objects.get(pk=row.pk))


@router.post("/{int:policy}/connect", response={202: JobOut}, summary="Negotiate now")
def connect(request: HttpRequest, policy: KeyInPath) -> Status[dict[str, object]]:
    """Needs the scope `ipsec.operate_policy`."""
    row = get_object_or_404(Policy, pk=policy)
    return Status(202, job_told(request_connect(row, actor=actor_of(request))))


@router.post("/{int:policy}/diagnose", response={202: JobOut}, summary="Negotiate, and explain")
def diagnose(request: HttpRequest, policy: KeyInPath) -> Status[dict[str, object]]:
    """The job's messages say which field disagrees, or what is unreachable.

    Needs the scope `ipsec.operate_policy`.
    """
    row = get_object_or_404(Policy, pk=policy)
    return Status(202, job_told(request_diagnose(row, actor=actor_of(request))))
