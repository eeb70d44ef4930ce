"""Delete and roll back, as the server answers them, and what all dialogs keep (CM-3, CM-5)."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from certificates.models import Certificate, Node, SigningRequest
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active
from tests.certificates.test_request_screens import LIST, REQUESTS, state, text_of
from tests.certificates.test_upload_screens import (
    FOREIGN_NODES,
    FOREIGN_PURPOSES,
    UPLOAD,
    send,
    shown_fields,
)
from tests.conftest import HttpsClient

FILTERS = "_changelist_filters=field%3Dcommon_name%26op%3Dcontains%26value%3Dccx"
FILTERED = f"{LIST}?field=common_name&op=contains&value=ccx"


@pytest.fixture
def installed(request_: SigningRequest, node: Node, put: Put, ca: Authority) -> Certificate:
    """A certificate that a CA has signed, in force."""
    put(ca.pkcs7(ca.sign(request_.pem), ca.sub))
    return active(node)


@pytest.mark.spec("CM-5", "CM-6")
def test_the_delete_dialog_names_what_depends_on_the_certificate(
    administrator: HttpsClient, installed: Certificate, ask: Ask, node: Node
) -> None:
    ask()
    row = Certificate.objects.trust().get()
    shown = administrator.get(f"{LIST}delete/?certificates={row.pk}")

    page = text_of(shown)
    for words in (
        "Deleting a certificate can affect your system",
        "tomcat.pem of ccx1.example.com (issued by Lab Sub): its path needs what you delete",
        "Goes too The tomcat signing request of ccx1.example.com",
        "tomcat on every node of the cluster afterwards",
    ):
        assert words in page
    fields = {"certificates": row.pk, "shown": shown.context["impact"].shown}
    done = text_of(administrator.post(f"{LIST}delete/", fields, follow=True))
    assert "Deleted Lab_Sub.pem. The tomcat signing request of ccx1.example.com" in done
    assert not SigningRequest.objects.pending().exists()


@pytest.mark.spec("CM-5")
def test_several_are_deleted_from_the_list(
    administrator: HttpsClient, node: Node, put: Put, ca: Authority, other_ca: Authority
) -> None:
    for authority in (ca, other_ca):
        put(authority.root, "tomcat-trust")
    chosen = [str(pk) for pk in Certificate.objects.trust().values_list("pk", flat=True)]

    sent = {"action": "delete_trusted", "_selected_action": chosen}
    shown = administrator.post(LIST, sent, follow=True)

    assert "Delete 2 certificates" in text_of(shown)
    fields = {"certificates": ",".join(chosen), "shown": shown.context["impact"].shown}
    assert administrator.post(f"{LIST}delete/", fields | {"shown": "x"}).status_code == 422
    administrator.post(f"{LIST}delete/", fields)
    assert not Certificate.objects.trust().exists()


@pytest.mark.spec("CM-5")
def test_an_own_certificate_says_what_to_do_instead(
    administrator: HttpsClient, tomcat: Certificate
) -> None:
    page = administrator.get(f"{LIST}{tomcat.pk}/change/").content.decode()
    refused = administrator.get(f"{LIST}delete/?certificates={tomcat.pk}", follow=True)

    assert "An own certificate can't be deleted, as its service needs one: replace it" in page
    assert f"delete/?certificates={tomcat.pk}" not in page
    assert "it can be replaced, not deleted" in text_of(refused)


def test_roll_back_shows_both_certificates_and_returns(
    administrator: HttpsClient, tomcat: Certificate, installed: Certificate, node: Node
) -> None:
    assert "Roll back</a>" in administrator.get(f"{LIST}{installed.pk}/change/").content.decode()
    shown = administrator.get(f"{LIST}roll-back/?purpose=tomcat&node={node.pk}")

    assert re.search("Comes back .* Self-signed .* In force now .* CA-signed", text_of(shown))
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown.context["found"].shown}
    before = state()
    assert administrator.post(f"{LIST}roll-back/", fields | {"shown": "x"}).status_code == 422
    assert state() == before
    answer = administrator.post(f"{LIST}roll-back/", fields, follow=True)
    assert "Rolled back: the former tomcat certificate of ccx1.example.com" in text_of(answer)
    assert active(node) == tomcat


def test_nothing_to_roll_back_to_is_told(administrator: HttpsClient, node: Node) -> None:
    answer = administrator.get(f"{LIST}roll-back/", follow=True)

    assert answer.redirect_chain == [(LIST, 302)]
    assert "nothing was replaced yet" in text_of(answer)


def test_a_roll_back_that_cannot_be_has_no_button(
    administrator: HttpsClient, tomcat: Certificate, installed: Certificate, node: Node
) -> None:
    past = timezone.now() - timedelta(days=1)
    Certificate.objects.filter(pk=tomcat.pk).update(not_after=past)
    shown = administrator.get(f"{LIST}roll-back/?purpose=tomcat&node={node.pk}")

    assert "It has expired" in text_of(shown)
    assert "Roll back</button>" not in shown.content.decode()
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown.context["found"].shown}
    assert administrator.post(f"{LIST}roll-back/", fields).status_code == 422
    assert active(node) == installed


def test_a_foreign_place_is_not_found(
    administrator: HttpsClient, installed: Certificate, node: Node
) -> None:
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    place = {"node": node.pk, "purpose": "tomcat", "shown": shown}
    before = state()

    for changed in (*FOREIGN_NODES, *FOREIGN_PURPOSES, {"purpose": "tomcat-trust"}):
        for address in (f"{LIST}roll-back/", f"{LIST}guide/", f"{REQUESTS}generate/"):
            assert administrator.get(address, place | changed).status_code == 404, changed
        assert administrator.post(f"{LIST}roll-back/", place | changed).status_code == 404
        # The form of a request says in words which purpose it does not know (CM-15).
        expected = 404 if "node" in changed else 422
        answer = administrator.post(f"{REQUESTS}generate/", place | changed)
        assert answer.status_code == expected, changed
    assert state() == before


def test_what_is_not_there_is_not_deleted(
    administrator: HttpsClient, node: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    trusted, before = Certificate.objects.trust().get().pk, state()

    for keys in ("0", "999", "9" * 40, "x", "", "\0", f"{trusted},999"):
        fields = {"certificates": keys, "shown": "x"}
        assert administrator.get(f"{LIST}delete/", fields).status_code == 404, keys
        assert administrator.post(f"{LIST}delete/", fields).status_code == 404, keys
    many = ",".join(map(str, range(1, 600)))
    told = administrator.get(f"{LIST}delete/", {"certificates": many}, follow=True)
    assert "599 certificates are more than 500" in text_of(told)
    assert state() == before


@pytest.mark.spec("CM-3")
@pytest.mark.parametrize(
    "dialog_address",
    ["upload/", "delete/?certificates={trusted}", "roll-back/", "../signingrequest/generate/"],
)
def test_a_dialog_keeps_the_filter_of_the_list(
    dialog_address: str, administrator: HttpsClient, installed: Certificate
) -> None:
    address = LIST + dialog_address.format(trusted=Certificate.objects.trust().get().pk)
    address = address.replace("certificate/../", "")

    page = administrator.get(f"{address}{'&' if '?' in address else '?'}{FILTERS}").content.decode()

    action = address.partition("?")[0]
    assert f'action="{action}?{FILTERS}"' in page
    close = FILTERED.replace("&", "&amp;")
    assert re.search(f'href="{re.escape(close)}"[^>]*>Close', page)


@pytest.mark.spec("CM-3", "CM-5")
def test_a_deletion_returns_to_the_filtered_list(
    administrator: HttpsClient, installed: Certificate
) -> None:
    row = Certificate.objects.trust().get()
    address = f"{LIST}delete/?{FILTERS}"
    shown = administrator.get(f"{address}&certificates={row.pk}").context["impact"].shown

    answer = administrator.post(address, {"certificates": row.pk, "shown": shown})

    assert answer["Location"] == FILTERED


@pytest.mark.spec("CM-3", "CM-11")
def test_installing_and_rolling_back_keep_the_filter(
    administrator: HttpsClient, installed: Certificate, node: Node, ca: Authority
) -> None:
    checked = send(administrator, ca.root, "tomcat-trust", address=f"{UPLOAD}?{FILTERS}")
    done = administrator.post(f"{UPLOAD}?{FILTERS}", shown_fields(checked))
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    fields = {"node": node.pk, "purpose": "tomcat", "shown": shown}
    back = administrator.post(f"{LIST}roll-back/?{FILTERS}", fields)

    assert f'node={node.pk}&amp;{FILTERS}">Choose another file' in checked.content.decode()
    assert done["Location"].endswith(f"?{FILTERS}")
    assert back["Location"].endswith(f"?{FILTERS}")


@pytest.mark.spec("CM-3")
def test_the_buttons_of_the_list_and_the_details_hand_the_filter_on(
    administrator: HttpsClient, tomcat: Certificate
) -> None:
    listed = administrator.get(FILTERED).content.decode()
    details = administrator.get(f"{LIST}{tomcat.pk}/change/?{FILTERS}").content.decode()

    for address in (f"{LIST}generate/", UPLOAD, f"{REQUESTS}generate/", f"{REQUESTS}download/"):
        assert f'href="{address}?{FILTERS}" data-dialog' in listed
    place = f"purpose=tomcat&amp;node={tomcat.node_id}&amp;{FILTERS}"
    for address in (f"{LIST}generate/", UPLOAD, f"{REQUESTS}generate/"):
        assert f'href="{address}?{place}" data-dialog' in details
