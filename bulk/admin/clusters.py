"""Whose exports are believed: confirm a cluster that was compared, or forget it."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from bulk.models import Cluster
from bulk.operations import confirm_cluster, forget_cluster
from bulk.operations.standing import Unconfirmed
from certificates.access import signed_in
from certificates.dialogs import show, tell
from certificates.refusal import Refused
from certificates.sentence import say

PAGE = "admin:bulk"


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key that signs; `was`: another one that was confirmed before, "" for none."""

    service: str
    fingerprint: str
    was: str


@dataclass(frozen=True, slots=True)
class ShownUnconfirmed:
    """A cluster to be compared. `fingerprint` is what its confirmation is for."""

    cluster: Unconfirmed
    keys: tuple[ShownKey, ...]
    fingerprint: str

    @property
    def is_changed(self) -> bool:
        return self.cluster.pinned is not None


def unconfirmed_of(cluster: Unconfirmed) -> ShownUnconfirmed:
    """Its keys beside those that were confirmed before."""
    pinned = cluster.pinned or {}
    keys = tuple(
        ShownKey(service, cluster.keys.get(service, ""), pinned.get(service, ""))
        for service in sorted({*cluster.keys, *pinned})
    )
    first = next((key.fingerprint for key in keys if key.fingerprint), "")
    return ShownUnconfirmed(cluster, keys, first)


def cluster_confirm(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST believes a cluster whose fingerprints the operator has compared."""
    asked = request.POST
    if "compared" not in asked:
        messages.error(
            request,
            say(
                "Compare the fingerprints with what that cluster shows of itself, then tick the"
                " box. Nothing was changed."
            ),
        )
        return redirect(PAGE)
    try:
        cluster = confirm_cluster(
            asked.get("cluster", ""),
            fingerprint=asked.get("fingerprint", ""),
            actor=signed_in(request),
        )
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(
            request,
            say("The cluster {cluster} is confirmed: its exports are believed.", cluster=cluster),
        )
    return redirect(PAGE)


def cluster_forget(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
    """GET says what it means; POST forgets the cluster. Its certificates stay."""
    cluster = get_object_or_404(Cluster, pk=pk)
    if request.method == "POST":
        try:
            forget_cluster(cluster, actor=signed_in(request))
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(request, say("The cluster {cluster} is forgotten.", cluster=cluster))
        return redirect(PAGE)
    context = {"cluster": cluster, "count": cluster.origins.count()}
    return show(
        request,
        site,
        "bulk/cluster_forget.html",
        say("Forget {cluster}", cluster=cluster),
        **context,
    )
