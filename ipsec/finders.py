"""What the find of the top bar looks up here: policies, and the fields of one."""

from django.urls import reverse

from certificates.access import Permission
from certificates.conditions import Condition, Operator
from certificates.finding import SHOWN, Finder, Group, Hit, Place, few, fields_of, found_list
from ipsec.find import to_query
from ipsec.forms.policy import PolicyForm
from ipsec.models import Policy

_LIST = "admin:ipsec_policy_changelist"
_FIELDS = ("name", "group", "source", "destination")


def _policies(text: str) -> Group:
    found: dict[int, Hit] = {}
    more = []
    for field in _FIELDS:
        rows = Policy.objects.filter(to_query([Condition(field, Operator.CONTAINS, text)]))
        hits = list(rows.order_by("group", "name")[: SHOWN + 1])
        if hits:
            more.append((f"All with this as {field}", found_list(_LIST, field, text)))
        for row in hits:
            found.setdefault(row.pk, _policy(row))
    return Group("Policies", few(found.values(), lambda hit: hit), tuple(more))


def _policy(row: Policy) -> Hit:
    state = "enabled" if row.is_enabled else "disabled"
    about = f"{row.source_address} to {row.destination_address}, {state}"
    return Hit(str(row), about, reverse("admin:ipsec_policy_page", args=[row.pk]))


FINDERS = (Finder(Permission.VIEW_POLICIES, _policies),)
_ADD = "admin:ipsec_policy_add"
PLACES = (
    Place(
        "Import policies from a peer",
        "IPSEC Configuration",
        "admin:ipsec_policy_import",
        Permission.CONFIGURE_POLICIES,
        "ipsec peer file",
    ),
    *fields_of(
        PolicyForm,
        "IPSEC policy",
        _ADD,
        Permission.CONFIGURE_POLICIES,
        words={"key": "psk"},
        without=("with_pair",),
    ),
)
