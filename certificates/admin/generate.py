"""The Generate Self-signed dialog (CM-8), and Regenerate for selected own certificates."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from certificates.access import signed_in
from certificates.dialogs import filters_of, key_of, list_address, place_of, show, tell
from certificates.forms.generate import GenerateForm, RegenerateForm
from certificates.models import Certificate, Purpose
from certificates.operations.generate import Generated, generate
from certificates.refusal import Refused
from certificates.sentence import say, together
from certificates.x509.policy import BROWSER_DAYS

SEVERAL = 20  # certificates that one Regenerate takes


def generate_dialog(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET shows the dialog for a node and purpose; POST replaces the certificate."""
    node, purpose = place_of(request, Purpose.own(), has_form=True)
    form = GenerateForm(node, purpose, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actor = signed_in(request)
            done = generate(node, purpose, **form.arguments(), actor=actor, now=timezone.now())
        except Refused as refused:
            form.refuse(refused)
        else:
            _tell(request, done)
            address = reverse("admin:certificates_certificate_change", args=[done.certificate.pk])
            filters = filters_of(request)
            return redirect(f"{address}?{filters}" if filters else address)
    title = say("Generate New Self-signed Certificate")
    return show(
        request,
        site,
        "certificates/generate_dialog.html",
        title,
        form=form,
        current=form.current,
        close=list_address(request),
        filters=filters_of(request),
        opts=Certificate._meta,
    )


def regenerate_selected(
    request: HttpRequest, chosen: QuerySet[Certificate]
) -> HttpResponseBase | None:
    """The list's action: one goes to the dialog, several to a page that lists them."""
    rows = list(chosen.select_related("node")[: SEVERAL + 1])
    trusted = [row.file_name for row in rows if not row.is_own]
    if trusted:
        wrong = say(
            "{file_name} stands in a trust store and has no key here.", file_name=trusted[0]
        )
        cure = say("Select own certificates only. Nothing was changed.")
        messages.error(request, together(wrong, cure))
        return None
    if len(rows) > SEVERAL:
        messages.error(
            request,
            say("Select up to {most} certificates. Nothing was changed.", most=SEVERAL),
        )
        return None
    if len(rows) == 1:
        address = reverse("admin:certificates_generate_dialog")
        return redirect(f"{address}?purpose={rows[0].purpose}&node={rows[0].node_id}")
    ids = ",".join(str(row.pk) for row in rows)
    return redirect(f"{reverse('admin:certificates_regenerate_several')}?certificates={ids}")


def regenerate_several(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET lists what would be replaced; POST replaces one after the other."""
    asked = request.POST if request.method == "POST" else request.GET
    ids = [key for part in asked.get("certificates", "").split(",") if (key := key_of(part))]
    own = Certificate.objects.own().active().filter(pk__in=ids[:SEVERAL])
    rows = list(own.select_related("node").in_list_order())
    form = RegenerateForm(rows, request.POST or None)
    if request.method == "POST" and form.is_valid():
        for row in rows:
            _regenerate(request, row, form)
        return redirect("admin:certificates_certificate_changelist")
    context: dict[str, Any] = {"form": form, "rows": rows, "opts": Certificate._meta}
    title = say("Regenerate self-signed certificates")
    return show(request, site, "certificates/regenerate_several.html", title, **context)


def _regenerate(request: HttpRequest, row: Certificate, form: RegenerateForm) -> None:
    try:
        done = generate(
            row.node,
            row.serves,
            **form.arguments(),
            replacing=row.fingerprint,
            actor=signed_in(request),
            now=timezone.now(),
        )
    except Refused as refused:
        tell(request, refused)
    else:
        _tell(request, done)


def _tell(request: HttpRequest, done: Generated) -> None:
    made = done.certificate
    text = say(
        "Generated {file_name} for {node}: {key_label}, self-signed, valid until {day}.",
        file_name=made.file_name,
        node=made.node,
        key_label=made.key_label,
        day=f"{timezone.localtime(made.not_after):%Y-%m-%d}",
    )
    messages.success(request, together(text, *_left_to_do(done)))


def _left_to_do(done: Generated) -> Iterator[str]:
    made = done.certificate
    if done.superseded:
        yield say(
            "Restart {service} on every node of the cluster, then make a backup.",
            service=made.serves.service,
        )
    if done.job is None:
        yield say(
            "{node} is not reached from here: the certificate is kept here, not there.",
            node=made.node,
        )
    assert made.not_after is not None  # noqa: S101 - it was made a moment ago
    assert made.not_before is not None  # noqa: S101 - as above
    days = (made.not_after - made.not_before).days
    if days > BROWSER_DAYS:
        yield say(
            "It is valid for {days} days; some browsers refuse more than {most}.",
            days=f"{days:,}",
            most=BROWSER_DAYS,
        )
    if done.job is None:
        yield say("Make a backup: its key is nowhere else.")
