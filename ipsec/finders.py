"""What the find of the top bar looks up here: policies, and the fields of one."""

from django.urls import reverse

from certificates.access import Permission
from certificates.conditions import Condition, Operator
from certificates.finding import SHOWN, Finder, Group, Hit, Place, few, fields_of, found_list
from certificates.sentence import lowered, say
from ipsec.find import to_query
from ipsec.forms.policy import PolicyForm
from ipsec.models import Policy

_LIST = "admin:ipsec_policy_changelist"
_FIELDS = {
    "name": say("All with this as name"),
    "group": say("All with this as group"),
    "source": say("All with this as source"),
    "destination": say("All with this as destination"),
}


def _policies(text: str) -> Group:
    found: dict[int, Hit] = {}
    more = []
    for field, all_of_them in _FIELDS.items():
        rows = Policy.objects.filter(to_query([Condition(field, Operator.CONTAINS, text)]))
        hits = list(rows.order_by("group", "name")[: SHOWN + 1])
        if hits:
            more.append((all_of_them, found_list(_LIST, field, text)))
        for row in hits:
            found.setdefault(row.pk, _policy(row))
    return Group(say("Policies"), few(found.values(), lambda hit: hit), tuple(more))


def _policy(row: Policy) -> Hit:
    state = say("Enabled") if row.is_enabled else say("Disabled")
    about = say(
        "{source} to {destination}, {state}",
        source=row.source_address,
        destination=row.destination_address,
        state=lowered(state),
    )
    return Hit(str(row), about, reverse("admin:ipsec_policy_page", args=[row.pk]))


FINDERS = (Finder(Permission.VIEW_POLICIES, _policies),)
_ADD = "admin:ipsec_policy_add"
PLACES = (
    Place(
        say("Import policies from a peer"),
        say("IPSEC Configuration"),
        "admin:ipsec_policy_import",
        Permission.CONFIGURE_POLICIES,
        "ipsec peer file",
    ),
    *fields_of(
        PolicyForm,
        say("IPSEC policy"),
        _ADD,
        Permission.CONFIGURE_POLICIES,
        words={"key": "psk"},
        without=("with_pair",),
    ),
)
