"""The Certificate List: its rows, its find rows, its filters, and what it costs (CM-1, CM-2)."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from cryptography import x509
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from certificates.access import Actor
from certificates.admin.remembered import forget
from certificates.conditions import Condition, Operator, from_words
from certificates.find import FIELDS, to_query
from certificates.models import Certificate, Node, Purpose, SigningRequest
from certificates.operations.request import EVERYTHING, request_certificate
from certificates.refusal import Refused
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import Subject, alternative_names
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed

LIST = "/admin/certificates/certificate/"


def trusted(
    node: Node, name: str, *, days: int = 100, purpose: str = "tomcat-trust"
) -> Certificate:
    der = self_signed(
        new_key(KeyChoice.EC_P256),
        subject=Subject(name, organization="Lab").to_x509(),
        names=alternative_names(["san.example.com"]),
        days=days,
        now=timezone.now(),
    )
    facts = [read_facts(der)]
    text = f"Trust certificate {name}"
    return Certificate.objects.create_trust(node, Purpose(purpose), facts, text)[0]


def plain(page: str) -> str:
    """The page without the places where a long name may break."""
    return page.replace("<wbr>", "")


def found(*rows: tuple[str, str, str]) -> set[str]:
    conditions = [Condition(field, Operator(operator), value) for field, operator, value in rows]
    return set(
        Certificate.objects.active()
        .filter(to_query(conditions))
        .values_list("common_name", flat=True)
    )


@pytest.fixture
def rows(node: Node) -> list[Certificate]:
    return [
        trusted(node, "Alpha Root CA"),
        trusted(node, "alpha issuing CA", purpose="ipsec-trust"),
    ]


@pytest.mark.spec("CM-1")
def test_lists_own_and_trusted_of_every_node_own_first_and_requests(
    administrator: Client, node: Node, rows: list[Certificate]
) -> None:
    other = Node.objects.create(host_name="ccx2.example.com")
    trusted(other, "Beta CA")
    subject = Subject("waiting.example.com")
    key, by, now = KeyChoice.RSA_1024, Actor("test"), timezone.now()
    request_certificate(
        other, Purpose.TOMCAT, key=key, subject=subject, confirmed=EVERYTHING, actor=by, now=now
    )

    page = administrator.get(LIST).content.decode()

    names = ["ipsec.pem", "tomcat.pem", "alpha_issuing_CA.pem", "Alpha_Root_CA.pem", "Beta_CA.pem"]
    places = [plain(page).index(f">{name}</a>") for name in names]
    assert places == sorted(places)
    for words in ("waiting.example.com", "CSR only", "tomcat.csr", "ccx2.example.com", "EC P-256"):
        assert words in plain(page)
    assert "5 certificates" in page


@pytest.mark.spec("CM-1")
def test_a_replaced_certificate_leaves_the_list(administrator: Client, tomcat: Certificate) -> None:
    tomcat.supersede(timezone.now())

    assert "tomcat.pem</a>" not in plain(administrator.get(LIST).content.decode())


@pytest.mark.spec("CM-2")
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("common_name", "begins with", "ALPHA"), {"Alpha Root CA", "alpha issuing CA"}),
        (("common_name", "ends with", "root ca"), {"Alpha Root CA"}),
        (("common_name", "contains", "issu"), {"alpha issuing CA"}),
        (("common_name", "is exactly", "alpha root ca"), {"Alpha Root CA"}),
        (("common_name", "is exactly", "alpha"), set()),
        (("common_name", "contains", "%"), set()),
        (("common_name", "contains", "_"), set()),
        (("common_name", "is empty", ""), set()),
        (("description", "is not empty", ""), {"Alpha Root CA", "alpha issuing CA", "own"}),
        (("certificate", "ends with", "-trust"), {"Alpha Root CA", "alpha issuing CA"}),
        (("certificate", "is exactly", "ipsec-trust"), {"alpha issuing CA"}),
        (("type", "begins with", "self"), {"Alpha Root CA", "alpha issuing CA", "own"}),
        (("type", "is exactly", "CA-signed"), set()),
        (("key_type", "is exactly", "ec p-256"), {"Alpha Root CA", "alpha issuing CA", "own"}),
        (("node", "contains", "ccx1"), {"Alpha Root CA", "alpha issuing CA", "own"}),
        (("issuer", "contains", "O=Lab"), {"Alpha Root CA", "alpha issuing CA"}),
        (("file_name", "is exactly", "alpha_root_ca.pem"), {"Alpha Root CA"}),
        (("subject", "contains", "o=lab"), {"Alpha Root CA", "alpha issuing CA"}),
        (
            ("alternative_names", "is exactly", "san.example.com"),
            {"Alpha Root CA", "alpha issuing CA"},
        ),
        (("expiration", "before", "2020-01-01"), set()),
        (("expiration", "after", "2020-01-01"), {"Alpha Root CA", "alpha issuing CA", "own"}),
        (("expiration", "is empty", ""), set()),
    ],
)
def test_finds_by_each_field_and_operator(
    rows: list[Certificate], row: tuple[str, str, str], expected: set[str]
) -> None:
    assert {name.replace("ccx1.example.com", "own") for name in found(row)} == expected


@pytest.mark.spec("CM-2")
@pytest.mark.parametrize("operator", ["begins with", "contains", "is exactly", "ends with"])
@pytest.mark.parametrize("field", ["serial_number", "fingerprint"])
def test_finds_hexadecimal_with_or_without_colons_in_any_case(
    rows: list[Certificate], field: str, operator: str
) -> None:
    value = getattr(rows[0], field)
    part = {"begins with": value[:20], "ends with": value[-20:], "contains": value[4:24]}
    digits = part.get(operator, value)
    pairs = ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))

    for typed in (digits, digits.upper(), pairs, pairs.upper(), f" {pairs} "):
        assert found((field, operator, typed)) == {"Alpha Root CA"}, typed
    assert found((field, operator, "no hexadecimal")) == set()


@pytest.mark.spec("CM-2")
def test_finds_by_the_sha1_fingerprint_and_a_serial_number_with_leading_zeros(
    rows: list[Certificate],
) -> None:
    sha1 = rows[0].fingerprint_sha1.upper()

    assert found(("fingerprint", "is exactly", sha1)) == {"Alpha Root CA"}
    serial = f"00:{rows[0].serial_number}"
    assert found(("serial_number", "is exactly", serial)) == {"Alpha Root CA"}


@pytest.mark.spec("CM-2")
def test_all_rows_must_match(rows: list[Certificate]) -> None:
    both = ("common_name", "begins with", "alpha"), ("common_name", "ends with", "root CA")

    assert found(*both) == {"Alpha Root CA"}


@pytest.mark.spec("CM-2")
def test_a_day_is_found_by_is_exactly_in_the_operators_zone(node: Node) -> None:
    row = trusted(node, "Day")
    day = f"{timezone.localtime(row.not_after):%Y-%m-%d}"

    assert found(("expiration", "is exactly", day)) == {"Day"}
    assert "Day" not in found(("expiration", "after", day))
    assert "Day" not in found(("expiration", "before", day))


@pytest.mark.spec("CM-2")
@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("expiration", "contains", "2027"), "find.operator"),
        (("common_name", "before", "2027-01-01"), "find.operator"),
        (("expiration", "before", "tomorrow"), "find.value"),
        (("expiration", "before", "2027-02-30"), "find.value"),
        (("common_name", "contains", "x" * 501), "find.value"),
        (("common_name", "contains", "a\0b"), "find.value"),
        (("private_key", "contains", "x"), "find.field"),
    ],
)
def test_a_wrong_row_is_named_and_finds_nothing(
    administrator: Client, rows: list[Certificate], row: tuple[str, str, str], code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        found(row)
    query = urlencode({"field": row[0], "op": row[1], "value": row[2]})
    page = administrator.get(f"{LIST}?{query}")

    assert refusal.value.code == code
    assert page.status_code == 200
    assert "Nothing was looked for" in page.content.decode()


@pytest.mark.spec("CM-2")
@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("field", FIELDS)
def test_every_combination_is_answered_or_refused_for_requests_too(
    rows: list[Certificate], field: str, operator: Operator
) -> None:
    condition = Condition(field, operator, "2027-01-01" if field == "expiration" else "a")
    try:
        to_query([condition])
    except Refused:
        return
    Certificate.objects.filter(to_query([condition])).count()
    SigningRequest.objects.filter(to_query([condition], requests=True)).count()


@pytest.mark.spec("CM-2")
def test_words_of_the_command_line_are_understood() -> None:
    assert from_words("common_name contains a b") == Condition(
        "common_name", Operator.CONTAINS, "a b"
    )
    assert from_words("common_name is-not-empty").operator is Operator.NOT_EMPTY
    with pytest.raises(Refused):
        from_words("common_name resembles x")


@pytest.mark.spec("CM-2", "CM-3")
def test_filters_find_rows_and_order_are_kept_together(
    administrator: Client, rows: list[Certificate]
) -> None:
    query = "field=common_name&op=contains&value=alpha&purpose=tomcat-trust&o=3"
    page = administrator.get(f"{LIST}?{query}").content.decode()

    assert "Alpha_Root_CA.pem" in plain(page)
    assert "alpha_issuing_CA.pem" not in plain(page)
    assert '<input type="hidden" name="purpose" value="tomcat-trust">' in page
    assert "_changelist_filters=field%3Dcommon_name%26op%3Dcontains%26value%3Dalpha" in page


@pytest.mark.spec("CM-2")
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("purpose=tomcat", 1),
        ("purpose=nonsense", 0),
        ("type=self-signed", 4),
        ("type=csr", 0),
        ("key=EC", 4),
        ("key=RSA", 0),
        ("node=999999", 0),
        ("expiry=later", 4),
        ("expiry=expired", 0),
        ("expiry=7", 0),
        ("expiry=nonsense", 0),
    ],
)
def test_the_filters_beside_the_list(
    administrator: Client, rows: list[Certificate], query: str, count: int
) -> None:
    page = administrator.get(f"{LIST}?{query}").content.decode()

    assert page.count('class="action-select"') == count


@pytest.mark.spec("CM-1")
def test_urgency_is_told_by_words(administrator: Client, node: Node) -> None:
    for days in (3, 20):
        trusted(node, f"in {days}", days=days)
    expired = trusted(node, "gone")
    Certificate.objects.filter(pk=expired.pk).update(not_after=timezone.now() - timedelta(days=2))

    page = administrator.get(LIST).content.decode()

    for words in ("Critical", "Soon", "Expired", "2 days ago", "Valid"):
        assert words in page


@pytest.mark.spec("CM-1", "CM-2")
@pytest.mark.parametrize(
    "query", ["", "?field=common_name&op=contains&value=a&purpose=tomcat-trust"]
)
def test_a_page_asks_at_most_12_queries_whatever_its_length(
    administrator: Client,
    node: Node,
    query: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    template = trusted(node, "template")
    facts = read_facts(bytes(template.der))
    Certificate.objects.bulk_create(
        Certificate(
            **{f.attname: getattr(template, f.attname) for f in Certificate._meta.concrete_fields}
            | {"id": None, "fingerprint": f"{n:064x}", "common_name": f"a{n}"}
        )
        for n in range(60)
    )
    assert facts.common_name == "template"
    administrator.get(LIST)
    forget()

    with django_assert_max_num_queries(12) as captured:
        page = administrator.get(LIST + query)

    assert page.content.decode().count('class="action-select"') == 25
    assert not any("DISTINCT" in q["sql"].upper() for q in captured.captured_queries)
    assert not any('"der"' in q["sql"] for q in captured.captured_queries)


@pytest.mark.spec("CM-1")
def test_a_count_is_bounded(
    administrator: Client, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certificates.admin.find_list.COUNTED", 1)

    assert "More than 10,000 certificates" in administrator.get(LIST).content.decode()


def test_two_certificates_of_one_name_in_a_store_have_two_files(node: Node) -> None:
    first, second = trusted(node, "Twin"), trusted(node, "Twin")

    assert first.file_name == "Twin.pem"
    assert second.file_name == f"Twin_{second.serial_number}.pem"


def test_the_columns_come_from_the_certificate(node: Node) -> None:
    row = trusted(node, "Columns")

    loaded = x509.load_der_x509_certificate(bytes(row.der))
    assert row.not_after == loaded.not_valid_after_utc
    assert row.serial_number == f"{loaded.serial_number:x}"
