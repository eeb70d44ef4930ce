"""Details, downloads, actions and the Generate dialog, as the server answers them."""

import csv
import io
import json
import subprocess
import zipfile
from collections.abc import Callable

import pytest
from django.test import Client

from certificates.models import BackupReminder, Certificate, Event, Job, Node, RestartNotice
from tests.certificates.test_list import LIST, trusted


def change(row: Certificate) -> str:
    return f"{LIST}{row.pk}/change/"


@pytest.mark.spec("CM-3")
def test_details_show_every_part_and_the_way_back(
    administrator: Client, tomcat: Certificate
) -> None:
    filters = "field%3Dcommon_name%26op%3Dcontains%26value%3Dccx"
    page = administrator.get(f"{change(tomcat)}?_changelist_filters={filters}").content.decode()

    for words in (
        "IPSec End System",
        "Digital Signature",
        "DNS: ccx1.example.com",
        "IP address: 192.0.2.10",
        tomcat.fingerprint.upper()[:2],
        "-----BEGIN CERTIFICATE-----",
        "It is the identity of the tomcat service",
        "certificate:generate",
        f"{LIST}?field=common_name&amp;op=contains&amp;value=ccx",
    ):
        assert words in page


@pytest.mark.spec("CM-3")
def test_the_chain_goes_up_to_an_issuer_that_is_missing(administrator: Client, node: Node) -> None:
    issuer, leaf = trusted(node, "Issuing CA"), trusted(node, "Leaf")
    Certificate.objects.filter(pk=leaf.pk).update(
        issuer=issuer.subject,
        issuer_common_name="Issuing CA",
        issuer_digest=issuer.subject_digest,
        type="ca-signed",
    )
    Certificate.objects.filter(pk=issuer.pk).update(
        issuer="CN=Absent Root", issuer_common_name="Absent Root", issuer_digest="00"
    )

    page = administrator.get(change(leaf)).content.decode()

    assert page.index("This certificate") < page.index("Issuing CA</a>")
    assert "Absent Root" in page
    assert "Not in the trust store" in page


@pytest.mark.spec("CM-4", "CM-24", "MN-3")
@pytest.mark.parametrize(
    ("kind", "media"), [("pem", "application/x-pem-file"), ("der", "application/pkix-cert")]
)
def test_downloads_are_what_openssl_reads(
    administrator: Client, tomcat: Certificate, kind: str, media: str, openssl: str
) -> None:
    response = administrator.get(f"{LIST}{tomcat.pk}/download.{kind}")

    assert response["Content-Type"] == media
    assert response["Content-Disposition"] == f'attachment; filename="tomcat.{kind}"'
    command = [openssl, "x509", "-inform", kind, "-outform", "der"]
    read = subprocess.run(command, input=response.content, capture_output=True, check=True)
    assert read.stdout == bytes(tomcat.der)
    if kind == "pem":
        again = [openssl, "x509", "-inform", "der", "-outform", "pem"]
        written = subprocess.run(again, input=bytes(tomcat.der), capture_output=True, check=True)
        assert response.content == written.stdout


def act(client: Client, action: str, rows: list[Certificate]) -> object:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(LIST, data)


@pytest.mark.spec("CM-4")
def test_several_are_downloaded_as_one_archive(administrator: Client, node: Node) -> None:
    rows = [trusted(node, "Same"), trusted(node, "Other", purpose="ipsec-trust")]

    response = act(administrator, "download_der", rows)

    archive = zipfile.ZipFile(io.BytesIO(response.content))  # type: ignore[attr-defined]
    assert sorted(archive.namelist()) == [
        "ccx1.example.com/ipsec-trust/Other.der",
        "ccx1.example.com/tomcat-trust/Same.der",
    ]
    assert archive.read("ccx1.example.com/tomcat-trust/Same.der") == bytes(rows[0].der)


LONG = "9" * 40


@pytest.mark.parametrize(
    "query",
    [
        "?node=abc",
        "?node=%00",
        f"?node={LONG}",
        f"?purpose={LONG}",
        "?key=%00",
        "?expiry=abc",
        "?o=abc",
        f"?o={LONG}",
        "?p=abc",
        f"?p={LONG}",
        f"generate/?node={LONG}",
        "generate/?node=%D9%A3&purpose=x",
        f"regenerate/?certificates={LONG},abc,%00",
        f"{LONG[:25]}/change/",
        "?field=node&op=contains&value=%00",
        "?op=contains&value=x",
        "?field=common_name&op=resembles&value=x",
        "?" + "field=common_name&op=contains&value=a&" * 11,
    ],
)
def test_no_address_is_an_error_of_the_product(
    administrator: Client, tomcat: Certificate, query: str
) -> None:
    assert administrator.get(f"{LIST}{query}").status_code in (200, 302, 404)


@pytest.mark.parametrize("key", ["abc", LONG, "1' OR 1=1", "\0"])
def test_no_selection_is_an_error_of_the_product(
    administrator: Client, tomcat: Certificate, key: str
) -> None:
    sent = {"action": "download_pem", "_selected_action": [key]}

    assert administrator.post(LIST, sent).status_code in (200, 302)
    sent = {"certificates": key, "key": "ec-p256", "days": "10"}
    assert administrator.post(f"{LIST}regenerate/", sent).status_code == 422


@pytest.mark.spec("CM-2")
def test_the_found_list_is_written_as_csv_and_json(administrator: Client, node: Node) -> None:
    trusted(node, "=1+1")
    trusted(node, "Plain")
    query = "?field=certificate&op=is+exactly&value=tomcat-trust"

    table = b"".join(administrator.get(f"{LIST}export.csv{query}").streaming_content).decode()
    listed = b"".join(administrator.get(f"{LIST}export.json{query}").streaming_content)

    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["common_name"] for row in rows] == ["'=1+1", "Plain"]
    assert [row["common_name"] for row in json.loads(listed)] == ["=1+1", "Plain"]
    nothing = administrator.get(f"{LIST}export.json?field=subject&op=contains&value=nothing")
    assert json.loads(b"".join(nothing.streaming_content)) == []


@pytest.mark.spec("CM-8")
def test_regenerate_takes_own_certificates_only(
    administrator: Client, node: Node, tomcat: Certificate
) -> None:
    refused = act(administrator, "regenerate", [trusted(node, "Foreign"), tomcat])
    one = act(administrator, "regenerate", [tomcat])
    both = act(administrator, "regenerate", list(node.certificates.own()))

    page = administrator.get(LIST).content.decode()
    assert "stands in a trust store" in page
    assert refused.status_code == 302  # type: ignore[attr-defined]
    assert one["Location"].startswith(f"{LIST}generate/?purpose=tomcat")  # type: ignore[index]
    address = both["Location"]  # type: ignore[index]
    shown = administrator.get(address)
    ids = shown.context["form"].initial["certificates"]
    sent = {"certificates": ids, "key": "ec-p384", "days": 100}
    assert administrator.post(f"{LIST}regenerate/", sent).status_code == 302
    assert set(node.certificates.active().own().values_list("key_label", flat=True)) == {"EC P-384"}
    stale = administrator.post(f"{LIST}regenerate/", sent)
    assert stale.status_code == 422
    assert "was replaced since you looked" in stale.content.decode()


@pytest.fixture
def dialog(administrator: Client) -> Callable[..., object]:
    def send(**changed: object) -> object:
        form = administrator.get(f"{LIST}generate/").context["form"]
        data = form.initial | {"key": "ec-p256", "days": 100} | changed
        return administrator.post(f"{LIST}generate/", data)

    return send


@pytest.mark.spec("CM-8", "CM-7", "CM-10")
def test_the_dialog_generates_and_says_what_to_do_next(
    dialog: Callable[..., object], administrator: Client, tomcat: Certificate
) -> None:
    answer = dialog(common_name="ccx.example.com", names="ccx.example.com\n192.0.2.7")

    made = tomcat.node.certificates.active().get(purpose="tomcat")
    assert answer["Location"] == change(made)  # type: ignore[index]
    page = administrator.get(change(made)).content.decode()
    assert "Generated tomcat.pem for ccx1.example.com: EC P-256" in page
    assert "Restart tomcat on every node of the cluster, then make a backup" in page
    assert "Restart required" in page
    assert "Backup required" in page
    assert made.subject_alternative_names == "ccx.example.com, 192.0.2.7"


@pytest.mark.spec("CM-8")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": "rsa-1536"}, "Select a valid choice"),
        ({"key": "rsa-1024"}, "can be broken"),
        ({"days": 0}, "greater than or equal to 1"),
        ({"names": "no host"}, "neither a host name nor an IP address"),
        ({"country": "1x"}, "two-letter code"),
        ({"replacing": "0" * 64}, "was changed since you looked at it"),
        ({"prepared_for": "9 ipsec"}, "another node or purpose"),
        ({"purpose": "directory-trust"}, "Select a valid choice"),
    ],
)
def test_the_dialog_names_what_it_refuses_and_changes_nothing(
    dialog: Callable[..., object], tomcat: Certificate, changed: dict[str, object], words: str
) -> None:
    answer = dialog(**changed)

    assert answer.status_code == 422  # type: ignore[attr-defined]
    assert words in answer.content.decode()  # type: ignore[attr-defined]
    tomcat.refresh_from_db()
    assert tomcat.state == "active"


def test_a_node_that_does_not_exist_is_not_found(dialog: Callable[..., object]) -> None:
    assert dialog(node="999").status_code == 404  # type: ignore[attr-defined]


@pytest.mark.spec("CM-8")
def test_the_dialog_warns_before_it_overwrites_a_ca_signed_certificate(
    dialog: Callable[..., object], tomcat: Certificate
) -> None:
    Certificate.objects.filter(pk=tomcat.pk).update(type="ca-signed", issuer_common_name="Lab CA")

    unconfirmed = dialog()
    confirmed = dialog(confirm_ca_signed="on")

    assert "signed by a CA (Lab CA)" in unconfirmed.content.decode()  # type: ignore[attr-defined]
    assert confirmed.status_code == 302  # type: ignore[attr-defined]


@pytest.mark.spec("CM-14")
def test_nodes_are_added_edited_and_offered_by_the_dialog(
    administrator: Client, node: Node
) -> None:
    form = {"host_name": "CCX2.Example.com", "addresses": "192.0.2.11", "role": "subscriber"}
    added = administrator.post("/admin/certificates/node/add/", form)
    other = Node.objects.get(host_name="ccx2.example.com")
    edited = administrator.post(
        f"/admin/certificates/node/{other.pk}/change/", form | {"addresses": "192.0.2.12"}
    )
    other.refresh_from_db()

    assert (added.status_code, edited.status_code) == (302, 302)
    assert other.addresses == ["192.0.2.12"]
    actions = list(Event.objects.filter(object_type="certificates.node").values_list("action"))
    assert actions[:2] == [("node:change",), ("node:add",)]
    shown = administrator.get(f"{LIST}generate/?node={other.pk}&purpose=ipsec").content.decode()
    assert 'value="ccx2.example.com"' in shown
    listed = administrator.get("/admin/certificates/node/").content.decode()
    assert "By hand" in listed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"host_name": "two words"}, "neither a host name"),
        ({"addresses": "192.0.2.300"}, "is not an IP address"),
        ({"host_name": "ccx1.example.com"}, "already exists"),
        ({"role": "chief"}, "Select a valid choice"),
    ],
)
def test_a_node_is_refused_at_its_field(
    administrator: Client, node: Node, changed: dict[str, str], words: str
) -> None:
    form = {"host_name": "ccx3.example.com", "addresses": "", "role": "subscriber"} | changed

    answer = administrator.post("/admin/certificates/node/add/", form)

    assert words in answer.content.decode()
    assert Node.objects.count() == 1


def test_a_job_is_shown_and_cancelled(administrator: Client, node: Node) -> None:
    job = Job.objects.filter(state="queued").first()
    assert job
    page = f"/admin/certificates/job/{job.pk}/"

    assert "Waiting for the background worker" in administrator.get(page).content.decode()
    administrator.post(f"{page}cancel/")

    assert "Cancelled" in administrator.get(page).content.decode()


def test_the_dashboard_says_what_needs_attention(
    administrator: Client, dialog: Callable[..., object], node: Node
) -> None:
    dialog(key="rsa-1024", confirm_legacy="on")

    page = administrator.get("/admin/").content.decode()

    for words in ("must be restarted", "Legacy", "Backup", "has not been seen", "Not in force"):
        assert words in page


@pytest.mark.spec("CM-8")
def test_who_was_told_of_a_change_can_decide_anew(
    administrator: Client, dialog: Callable[..., object], tomcat: Certificate
) -> None:
    refused = dialog(replacing="0" * 64)
    form = refused.context["form"]  # type: ignore[attr-defined]
    sent = {name: form[name].value() or "" for name in form.fields}

    again = administrator.post(f"{LIST}generate/", sent)

    assert refused.status_code == 422  # type: ignore[attr-defined]
    assert again.status_code == 302


@pytest.mark.spec("CM-3", "CM-8")
def test_the_filter_is_kept_through_the_dialog(administrator: Client, tomcat: Certificate) -> None:
    filters = "_changelist_filters=field%3Dcommon_name%26op%3Dcontains%26value%3Dccx"
    details = administrator.get(f"{change(tomcat)}?{filters}").content.decode()
    form = administrator.get(f"{LIST}generate/?{filters}").context["form"]
    data = form.initial | {"key": "ec-p256", "days": 100}
    answer = administrator.post(f"{LIST}generate/?{filters}", data)

    assert f"generate/?purpose=tomcat&amp;node={tomcat.node_id}&amp;{filters}" in details
    assert answer["Location"].endswith(f"?{filters}")
    page = administrator.get(answer["Location"]).content.decode()
    assert f'href="{LIST}?field=common_name&amp;op=contains&amp;value=ccx">Close' in page


@pytest.mark.spec("CM-7", "CM-10")
def test_each_node_has_its_own_reason_and_the_reminder_names_everything(
    dialog: Callable[..., object], node: Node, administrator: Client
) -> None:
    Node.objects.create(host_name="ccx2.example.com", role="subscriber")
    other = Node.objects.get(host_name="ccx2.example.com")
    for _ in range(2):
        form = administrator.get(f"{LIST}generate/?node={other.pk}&purpose=tomcat").context["form"]
        administrator.post(f"{LIST}generate/", form.initial | {"key": "ec-p256", "days": 100})
    dialog()

    reasons = dict(RestartNotice.objects.values_list("node__host_name", "reason"))
    assert "of ccx2.example.com was" in reasons["ccx2.example.com"]
    assert "of ccx1.example.com was" in reasons["ccx1.example.com"]
    reminder = BackupReminder.objects.get().reason
    assert reminder == (
        "Newer than the last backup: tomcat of ccx2.example.com, tomcat of ccx1.example.com."
    )


def test_a_forbidden_page_looks_like_the_product(as_role: Callable[..., Client]) -> None:
    page = as_role("staff").get(LIST)

    assert page.status_code == 403
    assert "ccxsec/theme" in page.content.decode()
    assert "Your account lacks the permission" in page.content.decode()
