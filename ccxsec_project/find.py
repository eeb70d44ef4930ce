"""The find of the top bar, in everything that the user may see (docs/find.md)."""

from collections.abc import Iterator

from django.contrib.admin.sites import AdminSite
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe

from bulk.finders import FINDERS as OF_BULK
from bulk.finders import PLACES as PLACES_OF_BULK
from ccxsec_project.menu import MENU
from certificates.dialogs import show
from certificates.finders import FINDERS as OF_CERTIFICATES
from certificates.finders import PLACES as PLACES_OF_CERTIFICATES
from certificates.finding import SHOWN, Finder, Group, Hit, Place, few, meant
from certificates.sentence import say
from certificates.x509.visible import visible
from ipsec.finders import FINDERS as OF_IPSEC
from ipsec.finders import PLACES as PLACES_OF_IPSEC

SHORTEST, LONGEST = 2, 200  # characters
_USER_COLUMNS = ("username", "first_name", "last_name", "email")


def _users(text: str) -> Group:
    wanted = Q()
    for column in _USER_COLUMNS:
        wanted |= Q(**{f"{column}__icontains": text})
    rows = User.objects.filter(wanted).order_by("username")
    return Group(say("Users"), few(rows[:SHOWN], _user))


def _user(row: User) -> Hit:
    about = row.get_full_name() or row.email or say("User")
    return Hit(row.get_username(), about, reverse("admin:auth_user_change", args=[row.pk]))


FINDERS = (*OF_CERTIFICATES, *OF_IPSEC, *OF_BULK, Finder("auth.view_user", _users))
PLACES = (
    *(
        Place(entry.name, group, entry.url_name, entry.permission)
        for group, entries in MENU.items()
        for entry in entries
    ),
    *PLACES_OF_CERTIFICATES,
    *PLACES_OF_IPSEC,
    *PLACES_OF_BULK,
)


def find_page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET: what `q` finds, in groups; one that is alone is offered like any other."""
    asked = request.GET.get("q", "").strip()
    problem = _problem(asked)
    groups = [] if problem else [group for group in _groups(request, visible(asked)) if group.hits]
    context = {
        "asked": visible(asked)[:LONGEST],
        "groups": groups,
        "problem": problem,
        "count": sum(len(group.hits) for group in groups),
    }
    return show(request, site, "ccxsec_project/find.html", say("Find"), **context)


def _problem(asked: str) -> str:
    """Why nothing is looked for; "" if it is."""
    if not asked:
        return say(
            "Type a part of a name, an address, a serial number, a fingerprint or a setting."
        )
    if len(asked) < SHORTEST:
        return say(
            "One character would find nearly everything. Type at least {shortest}.",
            shortest=SHORTEST,
        )
    if len(asked) > LONGEST:
        return say(
            "That is {count} characters; up to {longest} are looked for. Type less.",
            count=f"{len(asked):,}",
            longest=LONGEST,
        )
    return ""


def _groups(request: HttpRequest, text: str) -> Iterator[Group]:
    for finder in FINDERS:
        if _may(request, finder.permission):
            yield finder.find(text)
    places = [place for place in meant(text, PLACES) if _may(request, place.permission)]
    yield Group(say("Settings and screens"), few(places, Place.hit))


def _may(request: HttpRequest, permission: str) -> bool:
    return bool(request.user.has_perm(str(permission)))


find_view = require_safe(find_page)
