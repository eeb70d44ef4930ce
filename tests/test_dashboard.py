"""What the dashboard asks of a large table (MN-1)."""

from ccxsec_project.dashboard import attention
from certificates.access import Actor
from certificates.models import Node
from tests.query_plans import only_sqlite, plans_of


@only_sqlite
def test_own_certificates_are_looked_for_among_the_own_ones(node: Node, actor: Actor) -> None:
    plans = plans_of(lambda: attention(actor), '"is_own" IN')

    assert len(plans) == 3, "what expires, what is weak, whose path is broken"
    for plan in plans:
        assert "list_order (state=? AND is_own=?)" in plan
