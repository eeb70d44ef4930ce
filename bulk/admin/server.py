"""What is done with the SFTP server that is set: check it, look at it, decide about its key."""

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from bulk.admin.page import PAGE, exchange_page
from bulk.operations import check_server, keep_host_key, pin_host_key, request_survey
from certificates.access import signed_in
from certificates.dialogs import tell
from certificates.refusal import Refused
from certificates.sentence import say, together

AGAIN = say("The password is not said to a server with another key by itself: enter it and Save.")


def bulk_check(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST connects, and shows each check; nothing is saved."""
    try:
        checks = check_server(actor=signed_in(request))
    except Refused as refused:
        messages.error(request, together(say("The server can't be used now."), str(refused)))
        return redirect(PAGE)
    return exchange_page(request, site, checks=checks)


def bulk_survey(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST has the worker look what is on the server now."""
    try:
        request_survey(actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
    return redirect(PAGE)


def bulk_pin_host_key(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST pins the new key, which the operator has compared."""
    fingerprint = request.POST.get("fingerprint", "")
    try:
        is_asked = pin_host_key(fingerprint=fingerprint, actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(
            request,
            say(
                "The host key {fingerprint} of the SFTP server is pinned.", fingerprint=fingerprint
            ),
        )
        if is_asked:
            messages.warning(request, AGAIN)
    return redirect(PAGE)


def bulk_keep_host_key(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST ends the alarm: the pinned key stays the right one."""
    try:
        keep_host_key(actor=signed_in(request))
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, say("The pinned host key stays; the other one is refused."))
    return redirect(PAGE)
