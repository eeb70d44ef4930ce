"""The third-party CA guide: seven steps, each as far as it really is (CM-19)."""

from typing import Any

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from certificates.dialogs import list_address, place_of, show
from certificates.models import Certificate, Node, Purpose
from certificates.operations.guide import Step, steps_of
from certificates.sentence import say

_PAGES = {
    "request": "admin:certificates_request_dialog",
    "download": "admin:certificates_request_download",
    "upload": "admin:certificates_upload_dialog",
    "restart": "admin:certificates_restartnotice_changelist",
}


def guide(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """The steps for a node and purpose, with a link to the dialog of each."""
    node, purpose = place_of(request, Purpose.own())
    context: dict[str, Any] = {
        "steps": [(step, _address(step, node)) for step in steps_of(node, purpose)],
        "node": node,
        "purpose": purpose.value,
        "nodes": Node.objects.in_restart_order()[:200],
        "purposes": Purpose.own(),
        "close": list_address(request),
        "opts": Certificate._meta,
    }
    title = say("Third-party CA, step by step")
    return show(request, site, "certificates/guide.html", title, **context)


def _address(step: Step, node: Node) -> str:
    if not step.link:
        return ""
    address = reverse(_PAGES[step.link])
    if step.link in ("request", "upload"):
        return f"{address}?purpose={step.purpose}&node={node.pk}"
    return address
