"""Fails today: what should keep the list's filter (copy into tests/certificates/)."""
import pytest
from certificates.models import Certificate, Node, SigningRequest
from tests.certificates.authority import Authority
from tests.certificates.conftest import Put, active, Ask
from tests.certificates.test_request_screens import FILTERED, FILTERS, LIST, REQUESTS, installed  # noqa
from tests.certificates.test_upload_screens import UPLOAD, send, shown_fields
from tests.conftest import HttpsClient
pytest_plugins = []

def test_install_keeps_the_filter(administrator, node, ca):
    fields = shown_fields(send(administrator, ca.root, "tomcat-trust"))
    answer = administrator.post(f"{UPLOAD}?{FILTERS}", fields)
    assert answer["Location"].endswith(f"?{FILTERS}")

def test_choose_another_file_keeps_the_filter(administrator, node, ca):
    from django.core.files.uploadedfile import SimpleUploadedFile
    page = administrator.post(f"{UPLOAD}?{FILTERS}", {"purpose": "tomcat-trust", "node": node.pk, "file": SimpleUploadedFile("x", ca.root)}).content.decode()
    assert f"node={node.pk}&amp;{FILTERS}\">Choose another file" in page

def test_roll_back_keeps_the_filter(administrator, installed, node):
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    answer = administrator.post(f"{LIST}roll-back/?{FILTERS}", {"node": node.pk, "purpose": "tomcat", "shown": shown})
    assert answer["Location"].endswith(f"?{FILTERS}")

def test_the_lists_own_buttons_hand_the_filter_on(administrator, node):
    page = administrator.get(FILTERED).content.decode()
    assert f'href="{UPLOAD}?{FILTERS}" data-dialog' in page

def test_details_generate_csr_hands_it_on(administrator, tomcat):
    page = administrator.get(f"{LIST}{tomcat.pk}/change/?{FILTERS}").content.decode()
    assert f'signingrequest/generate/?purpose=tomcat&amp;node={tomcat.node_id}&amp;{FILTERS}"' in page

def test_delete_of_nothing_is_404(administrator, node):
    assert administrator.get(f"{LIST}delete/?certificates=999").status_code == 404

def test_known_has_no_box(administrator, node, put, ca):
    put(ca.root, "tomcat-trust")
    page = send(administrator, ca.root, "tomcat-trust").content.decode()
    assert "I have read the warning" not in page

def test_guide_after_roll_back(administrator, installed, node):
    shown = administrator.get(f"{LIST}roll-back/").context["found"].shown
    administrator.post(f"{LIST}roll-back/", {"node": node.pk, "purpose": "tomcat", "shown": shown})
    steps = administrator.get(f"{LIST}guide/").context["steps"]
    assert not steps[5][0].is_done

def test_guide_next_is_6_when_ca_is_there(administrator, ask, put, ca, node):
    r = ask(); put(ca.sub, "tomcat-trust"); administrator.post(f"{REQUESTS}download/", {"request": r.pk})
    steps = administrator.get(f"{LIST}guide/").context["steps"]
    assert [s.number for s, _ in steps if s.is_next] == [6]

def test_request_page_marks_the_menu(administrator, request_):
    assert 'aria-current="page">Certificate Management' in administrator.get(f"{REQUESTS}{request_.pk}/").content.decode()
