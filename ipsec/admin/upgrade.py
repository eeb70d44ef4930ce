"""The switch *System upgrade in progress*: while it is on, no policy is changed (IP-5)."""

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from certificates.access import signed_in
from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.admin.actions import say_no
from ipsec.operations import switch_upgrade


def policy_upgrade(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """POST says that an upgrade is in progress, or that it has ended."""
    is_on = request.POST.get("on") == "yes"
    try:
        switch_upgrade(on=is_on, actor=signed_in(request))
    except Refused as refused:
        say_no(request, refused)
    else:
        said = say("A system upgrade is in progress: every change of a policy is refused.")
        messages.success(request, said if is_on else say("The system upgrade has ended."))
    return redirect("admin:ipsec_policy_changelist")
