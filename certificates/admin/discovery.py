"""Discovery: what servers really serve, compared with the stores; and what is not ours."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.utils import timezone

from certificates.access import Permission, signed_in
from certificates.admin.details import described
from certificates.admin.download import FILE_KINDS, attachment
from certificates.admin.event import ReadOnlyScreen
from certificates.cells import expiry
from certificates.dialogs import key_of, screen_url, show, tell
from certificates.forms.endpoint import EndpointForm
from certificates.models import Endpoint, Observed
from certificates.operations import add_endpoint, remove_endpoint, request_probe
from certificates.operations.verdict import verdicts
from certificates.refusal import Refused
from certificates.sentence import say

_LIST = "admin:certificates_endpoint_changelist"
MOST_SHOWN = 200  # of either list; there are not more endpoints


@admin.register(Endpoint)
class DiscoveryAdmin(ReadOnlyScreen):
    permission = Permission.VIEW

    def get_urls(self) -> list[URLPattern]:
        def own(
            route: str, view: Callable[..., Any], *methods: str, ask: Permission, name: str = ""
        ) -> URLPattern:
            return screen_url(self, route, view, *methods, permission=ask, name=name)

        see, change = Permission.VIEW, Permission.CONFIGURE
        return [
            own("", discovery, "GET", ask=see, name="certificates_endpoint_changelist"),
            own("add/", discovery_add, "GET", "POST", ask=change),
            own("run/", discovery_run, "POST", ask=Permission.RESTART),
            own("<int:pk>/remove/", discovery_remove, "POST", ask=change),
        ]


@admin.register(Observed)
class ObservedAdmin(ReadOnlyScreen):
    permission = Permission.VIEW

    def get_urls(self) -> list[URLPattern]:
        return [
            screen_url(self, "<int:pk>/", observed_page, "GET", permission=Permission.VIEW),
            screen_url(
                self,
                "<int:pk>/download.pem",
                observed_download,
                "GET",
                permission=Permission.DOWNLOAD,
            ),
        ]


def discovery(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET: what was seen; nobody is asked now."""
    actor, now = signed_in(request), timezone.now()
    endpoints = list(Endpoint.objects.in_order()[:MOST_SHOWN])
    found = Observed.objects.watched().select_related("endpoint__node").defer("der")
    context: dict[str, Any] = {
        "endpoints": list(zip(endpoints, verdicts(endpoints), strict=True)),
        "observed": [
            (row, expiry(row.not_after, now))
            for row in found.order_by("not_after", "pk")[:MOST_SHOWN]
        ],
        "may_configure": actor.may(Permission.CONFIGURE),
        "may_look": actor.may(Permission.RESTART),
        "opts": Endpoint._meta,
    }
    return show(request, site, "certificates/discovery.html", say("Discovery"), **context)


def discovery_add(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET asks for an address, POST looks at it from now on, and at once."""
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actor = signed_in(request)
        try:
            row = add_endpoint(**form.cleaned_data, actor=actor)
        except Refused as refused:
            form.refuse(refused)
        else:
            messages.success(request, say("{row} is looked at from now on, each hour.", row=row))
            if actor.may(Permission.RESTART):
                job = request_probe(row, actor=actor)
                return redirect("admin:certificates_job_page", job.pk)
            return redirect(_LIST)
    context = {"form": form, "opts": Endpoint._meta}
    return show(
        request, site, "certificates/discovery_add.html", say("Look at an address"), **context
    )


def discovery_run(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST queues a look at one address, or at all."""
    key = request.POST.get("endpoint", "")
    rows = Endpoint.objects.select_related("node")
    chosen = get_object_or_404(rows, pk=key_of(key) or 0) if key else None
    try:
        job = request_probe(chosen, actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
        return redirect(_LIST)
    return redirect("admin:certificates_job_page", job.pk)


def discovery_remove(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """POST looks there no more."""
    row = get_object_or_404(Endpoint.objects.select_related("node"), pk=pk)
    remove_endpoint(row, actor=signed_in(request))
    messages.success(
        request, say("{row} is looked at no more; what it served is forgotten.", row=row)
    )
    return redirect(_LIST)


def observed_page(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """Every part of an observed certificate."""
    rows = Observed.objects.select_related("node", "endpoint__node")
    row = get_object_or_404(rows, pk=pk)
    context: dict[str, Any] = {
        "row": row,
        "described": described(bytes(row.der)),
        "expiry": expiry(row.not_after, timezone.now()),
        "pem": row.pem.decode(),
        "may_download": signed_in(request).may(Permission.DOWNLOAD),
        "opts": Observed._meta,
    }
    title = row.common_name or row.file_name
    return show(request, site, "certificates/observed.html", title, **context)


def observed_download(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """The certificate in PEM."""
    row = get_object_or_404(Observed, pk=pk)
    return attachment(row.pem, row.file_name, FILE_KINDS["pem"])
