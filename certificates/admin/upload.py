"""Upload Certificate or Certificate Chain: the dialog, the checks, the installation (CM-11)."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from certificates.access import signed_in
from certificates.dialogs import filters_of, list_address, place_of, show, with_filters
from certificates.forms.upload import InstallForm, UploadForm
from certificates.models import Certificate, Node, Purpose
from certificates.operations.upload import Installed, examine, install_upload
from certificates.refusal import Refused
from certificates.sentence import say, together

NAMED = 5  # certificates in a message
TITLE = say("Upload Certificate or Certificate Chain")


def upload_dialog(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows the dialog; POST the checks of a file, and with `shown` it installs them."""
    if request.method == "POST" and "shown" in request.POST:
        return _install(request, site)
    node, purpose = place_of(request, list(Purpose), has_form=True)
    form = UploadForm(node, purpose, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return _examined(request, site, (node, purpose), form.uploaded())
    return show(
        request,
        site,
        "certificates/upload_dialog.html",
        TITLE,
        form=form,
        close=list_address(request),
        filters=filters_of(request),
        opts=Certificate._meta,
    )


def _examined(
    request: HttpRequest,
    site: AdminSite,
    place: tuple[Node, Purpose],
    content: bytes,
    refused: Refused | None = None,
) -> HttpResponseBase:
    node, purpose = place
    again = f"{reverse('admin:certificates_upload_dialog')}?purpose={purpose}&node={node.pk}"
    examined = examine(node, purpose, content, now=timezone.now())
    context: dict[str, Any] = {
        "examined": examined,
        "failed": not examined.accepted,
        "refused": refused,
        "form": InstallForm(examined, content) if examined.accepted else None,
        "again": with_filters(request, again),
        "close": list_address(request),
        "filters": filters_of(request),
        "opts": Certificate._meta,
    }
    title = (
        say("Checked; nothing was changed yet")
        if examined.accepted
        else say("This can't be installed")
    )
    response = show(request, site, "certificates/upload_checks.html", title, **context)
    response.status_code = 422 if refused or not examined.accepted else 200
    return response


def _install(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    node, purpose = place_of(request, list(Purpose))
    content = InstallForm.content_of(request.POST.get("content", ""))
    try:
        done = install_upload(
            node,
            purpose,
            content,
            shown=request.POST["shown"],
            confirmed=InstallForm.confirmed(request.POST),
            actor=signed_in(request),
            now=timezone.now(),
        )
    except Refused as refused:
        return _examined(request, site, (node, purpose), content, refused)
    _tell(request, done)
    made = [*done.identities, *done.trusted]
    if len(made) == 1 or done.identities:
        details = reverse("admin:certificates_certificate_change", args=[made[0].pk])
        return redirect(with_filters(request, details))
    return redirect(list_address(request))


def _tell(request: HttpRequest, done: Installed) -> None:
    examined = done.examination
    service = examined.purpose.service
    if not examined.changes:
        messages.info(
            request, say("Everything in the file was there already; nothing was changed.")
        )
        return
    parts = []
    if done.identities:
        where = ", ".join(str(row.node) for row in done.identities)
        name = done.identities[0].file_name
        parts.append(say("Installed {file_name} on {node}.", file_name=name, node=where))
    if done.trusted:
        many = len(done.trusted)
        names = ", ".join(row.file_name for row in done.trusted[:NAMED]) + (
            " …" if many > NAMED else ""
        )
        parts.append(say("Added to {service}-trust: {names}.", service=service, names=names))
    parts.append(
        say("Restart {service} on every node of the cluster, then make a backup.", service=service)
    )
    changed = {row.node for row in (*done.identities, *done.trusted)}
    far = sorted(str(node) for node in changed if not node.is_reached)
    if far:
        there = ", ".join(far)
        parts.append(
            say("{node} is not reached from here: it is kept here, not there.", node=there)
        )
    messages.success(request, together(*parts))
