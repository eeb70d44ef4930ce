"""The Certificate List is written quickly, and just as Django's own tags write it."""

import re

import pytest
from django.contrib.admin import site
from django.contrib.admin.templatetags.admin_list import admin_list_filter
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import RequestFactory

from certificates.models import Certificate, Node
from certificates.templatetags.quick_list import (
    named_result_list,
    options,
    quick_filter,
    quick_result_list,
)
from tests.certificates.test_list import trusted

pytestmark = pytest.mark.spec("CM-1", "MN-2")
TABLE = "admin/change_list_results.html"
ADDRESSES = ["", "?purpose=tomcat-trust", "?o=2.-3", "?field=common_name&op=contains&value=%3C"]


def plain(html: str) -> str:
    """Without the white space between elements, in which templates differ."""
    return re.sub(r"\s*\n\s*", "", html)


@pytest.fixture
def rows(node: Node) -> None:
    trusted(node, "<b>&amp; \"Co\" 'a'</b>")
    trusted(node, "Alpha_CA.example-x.")
    Certificate.objects.filter(pk=trusted(node, "x" * 60).pk).update(description="  ")


@pytest.mark.parametrize("address", ADDRESSES)
def test_rows_and_filters_are_those_of_django(
    address: str, rows: None, admin_user: User, rf: RequestFactory
) -> None:
    request = rf.get(f"/admin/certificates/certificate/{address}")
    request.user = admin_user
    screen = site.get_model_admin(Certificate)
    cl = screen.get_changelist_instance(request)
    cl.formset = None  # as its view sets it

    ours = render_to_string(TABLE, quick_result_list(cl))

    assert plain(ours) == plain(render_to_string(TABLE, named_result_list(cl)))
    assert '<td data-label="Common name" class="field-name">' in ours
    for spec in cl.filter_specs:
        assert plain(quick_filter(cl, spec)) == plain(admin_list_filter(cl, spec))


def test_options_are_escaped() -> None:
    assert options([("a", "<A>"), ("b", "B")], "b") == (
        '<option value="a">&lt;A&gt;</option><option value="b" selected>B</option>'
    )
