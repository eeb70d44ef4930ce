"""Paths to a trust store that are found (CM-20, CM-21, CM-23)."""

import socket
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import AuthorityInformationAccessOID as Access

from certificates.x509.chain import PathVerdict, Pool
from tests.certificates.authorities import (
    DAY,
    NOW,
    SIGNS,
    Authority,
    codes,
    common_name,
    constraints,
    der_of,
    host_names,
    judge,
    new_key,
    openssl,
    root,
    sentence,
)


class TestTrusted:
    @pytest.mark.spec("CM-20")
    def test_finds_the_path_over_a_subordinate(
        self, top: Authority, sub: Authority, leaf: bytes
    ) -> None:
        verdict = judge(leaf, [top.certificate], [sub.certificate])

        assert verdict == PathVerdict(True, (leaf, sub.certificate, top.certificate), ())

    @pytest.mark.spec("CM-20")
    def test_finds_the_path_that_the_openssl_command_made(self, tmp_path: Path) -> None:
        new = ("req", "-newkey", "rsa:2048", "-nodes")
        openssl(tmp_path, *new, "-x509", "-keyout", "r.key", "-out", "r.pem", "-subj", "/CN=R")
        (tmp_path / "ca.ext").write_text("basicConstraints=CA:TRUE\n")
        for name, issuer, extensions in (("s", "r", ("-extfile", "ca.ext")), ("l", "s", ())):
            openssl(tmp_path, *new, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={name}")
            sign = ("x509", "-req", "-in", "csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key")
            openssl(tmp_path, *sign, "-set_serial", "7", "-out", f"{name}.pem", *extensions)
        made = {name: der_of((tmp_path / f"{name}.pem").read_bytes()) for name in "rsl"}
        now = x509.load_der_x509_certificate(made["l"]).not_valid_before_utc

        verdict = judge(made["l"], [made["r"]], [made["s"]], at=now)

        assert verdict.trusted, verdict.findings
        assert verdict.path == (made["l"], made["s"], made["r"])

    @pytest.mark.spec("CM-21")
    def test_the_subordinate_alone_is_enough(self, sub: Authority, leaf: bytes) -> None:
        assert judge(leaf, [sub.certificate]).path == (leaf, sub.certificate)
        assert judge(leaf, [sub.certificate]).trusted

    @pytest.mark.spec("CM-21")
    def test_a_self_signed_server_certificate_is_its_own_path(self) -> None:
        own = root("ccx1.example.com", host_names("ccx1.example.com"), ca=None).certificate

        assert judge(own, [own]) == PathVerdict(True, (own,), ())
        assert codes(judge(own, [], [own])) == ["path.no-issuer"]

    @pytest.mark.spec("CM-21")
    def test_an_issued_certificate_in_the_trust_store_is_its_own_path(self, leaf: bytes) -> None:
        assert judge(leaf, [leaf]).path == (leaf,)

    @pytest.mark.spec("CM-23")
    def test_a_chain_without_a_trusted_end_is_not_trusted(
        self, top: Authority, sub: Authority, leaf: bytes
    ) -> None:
        verdict = judge(leaf, [], [sub.certificate, top.certificate])

        assert codes(verdict) == ["path.no-issuer"]
        assert verdict.path == (leaf, sub.certificate, top.certificate)
        assert "CN=Lab Root, which is self-signed and not in the trust store" in sentence(verdict)

    def test_a_cross_signed_ca_leads_to_either_root(self, leaf: bytes, sub: Authority) -> None:
        other = root("Other Root")
        crossed = other.issue(sub.name, key=sub.key, ca=True).certificate

        verdict = judge(leaf, [other.certificate], [sub.certificate, crossed])

        assert verdict.path == (leaf, crossed, other.certificate)

    def test_a_renewed_ca_with_another_key_does_no_harm(
        self, top: Authority, sub: Authority, leaf: bytes
    ) -> None:
        renewed = [top.issue_ca("Lab Sub").certificate for _ in range(5)]

        assert judge(leaf, [top.certificate, *renewed], [sub.certificate]).trusted

    def test_an_expired_twin_is_passed_by(self, top: Authority, sub: Authority) -> None:
        leaf = sub.issue_leaf("ccx1.example.com")
        old = top.issue(sub.name, key=sub.key, ca=True, last=NOW - DAY).certificate

        for order in ([old, sub.certificate], [sub.certificate, old]):
            assert judge(leaf, [top.certificate], order).path[1] == sub.certificate

    def test_a_renewed_self_signed_root_is_led_to_the_old_one(self, top: Authority) -> None:
        renewed = top.issue(top.name, key=top.key, ca=True).certificate

        assert judge(renewed, [top.certificate], usage="any").path == (renewed, top.certificate)

    def test_what_is_no_certificate_does_no_harm(
        self, top: Authority, sub: Authority, leaf: bytes
    ) -> None:
        junk = [b"", b"\x30", b"\x30\x80\x00\x00", b"junk", top.certificate[:-5], bytes(1000)]
        broken = _patched(root("Broken").certificate, b"\x55\x1d\x13", b"\x55\x1d\x12")

        verdict = judge(leaf, [*junk, broken, top.certificate], [*junk, sub.certificate, broken])

        assert verdict.trusted

    def test_key_identifiers_are_hints_and_no_more(self, top: Authority) -> None:
        wrong = x509.AuthorityKeyIdentifier(b"x" * 20, None, None)
        sub = top.issue_ca("Lab Sub", x509.SubjectKeyIdentifier(b"y" * 20))
        leaf = sub.issue_leaf("ccx1.example.com", wrong)

        assert judge(leaf, [top.certificate], [sub.certificate]).trusted

    @pytest.mark.parametrize("number", [0, 7, 8])
    def test_finds_the_right_one_in_a_crowd_of_its_name(self, number: int, top: Authority) -> None:
        key, other = new_key(), new_key()
        own = top.issue_ca("Crowd", key=key).certificate
        leaf = Authority(common_name("Crowd"), key).issue_leaf("ccx1.example.com")
        twins = [
            Authority(common_name(f"Gone {i}"), other).issue_ca("Crowd", key=key).certificate
            for i in range(8)
        ]

        verdict = judge(leaf, [top.certificate], [*twins[:number], own, *twins[number:]])

        assert verdict.path == (leaf, own, top.certificate)


class TestNames:
    @pytest.mark.parametrize(
        ("subject", "issuer"),
        [
            ("Lab CA", "LAB ca"),
            ("Lab  CA ", " Lab CA"),
            ("Büro CA", "BÜRO CA"),
            ("Bu\u0308ro CA", "Büro CA"),
            ("Straße CA", "STRASSE CA"),
        ],
    )
    def test_spellings_of_one_name_meet(self, subject: str, issuer: str) -> None:
        authority = root(subject)
        leaf = authority.issue_leaf("ccx1.example.com", issuer=common_name(issuer))

        verdict = judge(leaf, [authority.certificate])

        assert verdict.trusted, verdict.findings

    @pytest.mark.parametrize(
        "kind", ["PrintableString", "BMPString", "T61String", "UniversalString"]
    )
    def test_string_types_meet(self, kind: str) -> None:
        authority = root("Lab CA")
        spelled = common_name("Lab CA", _ASN1Type[kind])
        leaf = authority.issue_leaf("ccx1.example.com", issuer=spelled)

        assert judge(leaf, [authority.certificate]).trusted

    def test_other_names_do_not(self) -> None:
        authority = root("Lab CA")
        leaf = authority.issue_leaf("ccx1.example.com", issuer=common_name("Lab CB"))

        assert codes(judge(leaf, [authority.certificate])) == ["path.no-issuer"]


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, top: Authority) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    address = x509.UniformResourceIdentifier("http://127.0.0.1:9/sub.cer")
    access = x509.AuthorityInformationAccess(
        [x509.AccessDescription(kind, address) for kind in (Access.CA_ISSUERS, Access.OCSP)]
    )
    leaf = top.issue_ca("Missing").issue_leaf("x.example.com", access)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert codes(judge(leaf, [top.certificate])) == ["path.no-issuer"]


def test_a_pool_answers_many_questions(top: Authority, sub: Authority, leaf: bytes) -> None:
    pool = Pool(anchors=[top.certificate], intermediates=[sub.certificate])

    first = pool.find_path(leaf, at=NOW, usage="server")

    assert first.trusted
    assert pool.find_path(leaf, at=NOW, usage="server") == first
    assert not pool.find_path(leaf, at=NOW + 1000 * DAY, usage="server").trusted
    assert not pool.find_path(root("Other").certificate, at=NOW, usage="any").trusted


def test_sloppy_private_cas_are_followed() -> None:
    """No key identifiers; basic and name constraints that aren't critical; serial number one."""
    allowed = constraints(["example.com"], [])
    top = root("Lab Root", SIGNS, allowed, critical=(), serial=1)
    leaf = top.issue_leaf("ccx1", host_names("my_host.example.com"), serial=1)

    verdict = judge(leaf, [top.certificate])

    assert verdict.trusted, verdict.findings


def _patched(certificate: bytes, old: bytes, new: bytes) -> bytes:
    assert certificate.count(old) == 1
    return certificate.replace(old, new)
