"""The IPSEC Policy List behind the screen: what is found, and how it stands (IP-1)."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from certificates.admin.find_list import FindChangeList
from certificates.conditions import Condition
from ipsec.associations import Loaded
from ipsec.find import FIELDS, to_query
from ipsec.operations import listen, standings

SELECT = "select"  # in the address: "all" ticks every row of the page, for who has no script
MOST_OTHERS = 20  # connections that are not ours, on the page


class PolicyChangeList(FindChangeList):
    """Asks daemon and kernel once, for all rows of the page."""

    first_field = "name"
    own_parameters = (SELECT,)

    def to_query(self, conditions: Sequence[Condition]) -> Any:
        return to_query(conditions)

    def get_results(self, request: HttpRequest) -> None:
        """Each row of this page gets its `standing`."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.heard = listen()
        found = standings(self.result_list, self.heard)
        for row in self.result_list:
            row.standing = found[row.pk]
            row.heard_at = self.heard.at
            row.is_ticked = request.GET.get(SELECT) == "all"

    @property
    def others(self) -> list[Loaded]:
        """Connections of the daemon that this product has not loaded, and never changes."""
        rows = [one for one in self.heard.connections.values() if not one.is_ours]
        return sorted(rows, key=lambda one: one.name)

    @property
    def keys(self) -> str:
        """The rows of the page, for the address that tells their fresh state."""
        return ",".join(str(row.pk) for row in self.result_list)

    @property
    def select_all(self) -> str:
        return str(self.get_query_string({SELECT: "all"}))

    @property
    def clear_all(self) -> str:
        return str(self.get_query_string(remove=[SELECT]))


FIELD_CHOICES = [(name, field.label) for name, field in FIELDS.items()]
