"""One node: how it is reached, what its stores hold, and what can be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from certificates.access import Permission, signed_in
from certificates.dialogs import show, tell
from certificates.forms.reach import PlaceForm, ReachForm
from certificates.models import Certificate, Deployment, Job, Node, Purpose, Service
from certificates.operations import (
    contact,
    keep_host_key,
    pin_host_key,
    request_check,
    request_deploy,
    save_place,
    save_reach,
)
from certificates.operations.deploy import usual_folder
from certificates.reach.ssh import fingerprint_of
from certificates.refusal import Refused
from certificates.sentence import say, together

_PAGE = "admin:certificates_node_page"


@dataclass(frozen=True, slots=True)
class Shown:
    """A service of the node, as its page shows it."""

    place: Deployment
    certificate: Certificate | None
    folder: str


def node_page(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET: what is known; nobody is asked for it now."""
    node, actor = get_object_or_404(Node, pk=pk), signed_in(request)
    own = node.certificates.active().own().defer("der")
    certificates = {row.purpose: row for row in own}
    services = []
    for service in Service:
        place = Deployment.objects.place(node, service)
        folder = place.folder or usual_folder(node, service)
        services.append(Shown(place, certificates.get(Purpose(service.value)), folder))
    context: dict[str, Any] = {
        "node": node,
        "services": services,
        "fingerprint": fingerprint_of(node.host_key) if node.host_key else "",
        "may_configure": actor.may(Permission.CONFIGURE),
        "may_deploy": actor.may(Permission.DEPLOY) and node.is_reached,
        "opts": Node._meta,
        "now": timezone.now(),
    }
    return show(request, site, "certificates/node_page.html", str(node), **context)


def node_reach(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET shows how the node is reached, POST changes it."""
    node = get_object_or_404(Node, pk=pk)
    form = ReachForm(node, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            jobs = save_reach(node, **form.cleaned_data, actor=signed_in(request))
        except Refused as refused:
            form.refuse(refused)
        else:
            if node.is_reached and not node.host_key:
                messages.success(
                    request, say("Saved. Now compare the host key of {node} and pin it.", node=node)
                )
                return redirect("admin:certificates_node_host_key", pk)
            _saved(request, node, jobs)
            return redirect(_PAGE, pk)
    context = {"form": form, "node": node, "opts": Node._meta}
    return show(
        request, site, "certificates/node_reach.html", say("Reach {node}", node=node), **context
    )


def node_service(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET shows where a service lives and how it is restarted, POST changes it."""
    node = get_object_or_404(Node, pk=pk)
    service = _service(request)
    place = Deployment.objects.place(node, service)
    form = PlaceForm(place, usual_folder(node, service), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            job = save_place(node, service, form.place(), actor=signed_in(request))
        except Refused as refused:
            form.refuse(refused)
        else:
            _saved(request, node, [job] if job else [])
            return redirect(_PAGE, pk)
    context = {"form": form, "node": node, "service": service, "opts": Node._meta}
    title = say("{service} on {node}", service=service, node=node)
    return show(request, site, "certificates/node_service.html", title, **context)


def node_host_key(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET explains, POST asks the server for its key and shows it to be compared."""
    node = get_object_or_404(Node, pk=pk)
    offered = None
    if request.method == "POST":
        try:
            offered = contact(node, actor=signed_in(request))
        except Refused as refused:
            tell(request, refused)
    context = {
        "node": node,
        "offered": offered,
        "pinned": fingerprint_of(node.host_key) if node.host_key else "",
        "opts": Node._meta,
    }
    return show(
        request,
        site,
        "certificates/node_host_key.html",
        say("Host key of {node}", node=node),
        **context,
    )


def node_pin(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST pins the key that was compared."""
    node = get_object_or_404(Node, pk=pk)
    fingerprint = request.POST.get("fingerprint", "")
    try:
        jobs = pin_host_key(node, fingerprint=fingerprint, actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
        return redirect("admin:certificates_node_host_key", pk)
    messages.success(
        request,
        say("The host key {fingerprint} of {node} is pinned.", fingerprint=fingerprint, node=node),
    )
    return redirect("admin:certificates_job_page", jobs[0].pk) if jobs else redirect(_PAGE, pk)


def node_keep(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST ends the alarm: the pinned key stays the right one."""
    node = get_object_or_404(Node, pk=pk)
    try:
        keep_host_key(node, actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(
            request, say("The pinned host key of {node} stays; the other is refused.", node=node)
        )
    return redirect(_PAGE, pk)


def node_deploy(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST queues a deploy, and goes to its job."""
    node, overwrite = get_object_or_404(Node, pk=pk), "overwrite" in request.POST
    actor = signed_in(request)
    job = request_deploy(node, _service(request), overwrite=overwrite, actor=actor)
    return redirect("admin:certificates_job_page", job.pk)


def node_check(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST queues a look at the store, and goes to its job."""
    node = get_object_or_404(Node, pk=pk)
    job = request_check(node, _service(request), actor=signed_in(request))
    return redirect("admin:certificates_job_page", job.pk)


def _service(request: HttpRequest) -> Service:
    """As the address or the form says; without one the first. Raises `Http404`."""
    text = request.POST.get("service") or request.GET.get("service") or Service.TOMCAT
    try:
        return Service(text)
    except ValueError:
        raise Http404 from None


def _saved(request: HttpRequest, node: Node, jobs: Sequence[Job]) -> None:
    text = say("Saved for {node}.", node=node)
    written = say("Its stores are written now: see the jobs.") if jobs else ""
    messages.success(request, together(text, written))
