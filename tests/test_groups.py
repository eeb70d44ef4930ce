"""The groups that come with the product, and an update that brings a permission."""

import pytest
from django.contrib.auth.models import Group, Permission

from certificates.operations.install import (
    grant_new_permissions,
    known_permissions,
    make_groups,
)

pytestmark = [pytest.mark.django_db, pytest.mark.spec("MN-2")]


def codenames(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def test_an_update_gives_what_is_new_and_nothing_that_was_taken_away() -> None:
    make_groups()
    administrators = Group.objects.get(name="Security administrator")
    taken = Permission.objects.filter(codename__in=["back_up_product", "delete_certificate"])
    administrators.permissions.remove(*taken)

    grant_new_permissions(known_permissions() - {"back_up_product"})

    assert "back_up_product" in codenames("Security administrator")
    assert "delete_certificate" not in codenames("Security administrator")
    assert "back_up_product" not in codenames("Operator")
