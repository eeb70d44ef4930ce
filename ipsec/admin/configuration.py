"""IPSEC Policy Configuration: add a policy, or change one (IP-1, IP-2, IP-3)."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from certificates.access import Permission, client_address, signed_in
from certificates.dialogs import show
from certificates.models import Node
from certificates.refusal import Finding, Outcome, Refused
from certificates.sentence import say
from ipsec.forms.policy import PolicyForm
from ipsec.models import Policy
from ipsec.operations import add_policy, change_policy, preflight
from ipsec.policy.definition import Definition
from ipsec.policy.profiles import ProfileName
from ipsec.policy.rules import is_name, read_address

_OUTCOMES = {
    Outcome.PASS: ("valid", say("Fine")),
    Outcome.WARN: ("soon", say("Look")),
    Outcome.FAIL: ("critical", say("Wrong")),
}


def policy_add(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows the form, prefilled by ?profile=; POST saves the policy, or looks before."""
    if request.method == "POST":
        return _posted(request, site, None)
    start = start_of(request.GET.get("profile", ProfileName.MODERN))
    return form_page(request, site, PolicyForm(initial=start))


def policy_change(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET shows the policy's form; POST saves the change, or looks before."""
    row = get_object_or_404(Policy, pk=pk)
    if request.method == "POST":
        signed_in(request).require(Permission.CONFIGURE_POLICIES)
        return _posted(request, site, row)
    may_change = signed_in(request).may(Permission.CONFIGURE_POLICIES)
    start = PolicyForm.of_profile(request.GET.get("profile", ""))
    return form_page(request, site, PolicyForm(row, initial=start, may_change=may_change))


def _posted(request: HttpRequest, site: AdminSite, row: Policy | None) -> HttpResponseBase:
    form, checks, actor = PolicyForm(row, request.POST), None, signed_in(request)
    if form.is_valid():
        data = form.cleaned_data
        if "preflight" in request.POST:
            checks = preflight(
                form.definition(),
                preshared_key=data["preshared_key"],
                policy=row,
                client=client_address(request),
                actor=actor,
            )
            return form_page(request, site, form, checks=checks)
        try:
            saved = _save(form, row, request)
        except Refused as refused:
            form.refuse(refused)
        else:
            messages.success(request, _told(saved))
            return redirect("admin:ipsec_policy_page", saved.pk)
    return form_page(request, site, form)


def _save(form: PolicyForm, row: Policy | None, request: HttpRequest) -> Policy:
    data, actor = form.cleaned_data, signed_in(request)
    trial = data["trial_minutes"] if data["is_enabled"] else None
    definition = form.definition()
    if row is None:
        return add_policy(
            definition,
            preshared_key=data["preshared_key"],
            enabled=data["is_enabled"],
            trial_minutes=trial,
            with_pair=data["with_pair"],
            confirmed=form.confirmed,
            actor=actor,
        )
    return change_policy(
        row,
        definition,
        preshared_key=data["preshared_key"],
        enabled=data["is_enabled"],
        trial_minutes=trial,
        revision=data["revision"] or 0,
        with_pair=data["with_pair"],
        confirmed=form.confirmed,
        actor=actor,
    )


def _told(saved: Policy) -> str:
    if not saved.is_enabled:
        return say("Saved {policy}. It is disabled: nothing is in force.", policy=saved)
    if saved.trial_until:
        return say(
            "Saved {policy}, enabled on trial: confirm it in time, or it is disabled again.",
            policy=saved,
        )
    return say("Saved {policy}. It is put in force now.", policy=saved)


def start_of(profile: str) -> dict[str, Any]:
    """What a new policy begins with; an unknown profile is Modern."""
    fields = PolicyForm.of_profile(profile)
    blank = Definition(group="", name="", source_address="", destination_address="")
    start = {name: getattr(blank, name) for name in blank.__slots__}
    start |= PolicyForm.of_profile(ProfileName.MODERN) | fields
    return start | {"source_address": own_address()}


def own_address() -> str:
    """The first address of this server that a policy can have; else its host name."""
    node = Node.objects.filter(is_local=True).first()
    if node is None:
        return ""
    for text in [*node.addresses, node.host_name]:
        try:
            address = read_address(text)
        except Refused:
            continue
        if is_name(address) or not (address.startswith("127.") or address == "::1"):
            return address
    return ""


def form_page(
    request: HttpRequest, site: AdminSite, form: PolicyForm, **more: Any
) -> HttpResponseBase:
    """The page of the form; with `checks` those of a pre-flight above it."""
    row = form.policy
    checks: list[Finding] = more.pop("checks", None) or []
    actor = signed_in(request)
    context: dict[str, Any] = {
        "form": form,
        "row": row,
        "row_page": True,
        "checks": [(*_OUTCOMES[one.outcome], one) for one in checks],
        "profiles": {
            name: one | {"json": json.dumps(one["fields"])} for name, one in form.profiles().items()
        },
        "may_change": actor.may(Permission.CONFIGURE_POLICIES),
        "may_configure": actor.may(Permission.CONFIGURE_POLICIES),
        "may_look": actor.may(Permission.OPERATE_POLICIES),
        "opts": Policy._meta,
    }
    title = say("Configuration") if row else say("IPSEC Policy Configuration")
    return show(request, site, "ipsec/policy_form.html", title, **context | more)
