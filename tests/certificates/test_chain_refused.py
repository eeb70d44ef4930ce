"""Paths that are refused, and what is said then (CM-20)."""

from datetime import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

from certificates.refusal import Outcome
from tests.certificates.authorities import (
    DAY,
    NOW,
    Authority,
    codes,
    common_name,
    constraints,
    host_names,
    judge,
    root,
    sentence,
)


class TestRefused:
    def test_names_the_missing_issuer_and_its_key(self, top: Authority) -> None:
        sub = top.issue_ca("Lab Sub")
        identifier = x509.AuthorityKeyIdentifier(bytes.fromhex("0a1b2c"), None, None)
        leaf = sub.issue_leaf("ccx1.example.com", identifier)

        verdict = judge(leaf, [top.certificate])

        assert codes(verdict) == ["path.no-issuer"]
        assert verdict.path == (leaf,)
        assert "CN=Lab Sub (key identifier 0A:1B:2C)" in verdict.findings[0].sentence
        assert "trust store first" in verdict.findings[0].cure

    def test_an_impostor_of_the_same_name_is_named_by_fingerprint(
        self, top: Authority, leaf: bytes
    ) -> None:
        impostor = top.issue_ca("Lab Sub").certificate
        digest = x509.load_der_x509_certificate(impostor).fingerprint(hashes.SHA256())

        verdict = judge(leaf, [top.certificate], [impostor])

        assert codes(verdict) == ["path.signature"]
        assert digest[:8].hex(":").upper() in sentence(verdict)

    def test_an_altered_leaf(self, top: Authority, sub: Authority, leaf: bytes) -> None:
        altered = leaf.replace(b"ccx1.example.com", b"ccx2.example.com")

        assert codes(judge(altered, [top.certificate], [sub.certificate])) == ["path.signature"]

    @pytest.mark.parametrize("which", ["leaf", "subordinate", "root"])
    @pytest.mark.parametrize(
        ("code", "times"),
        [
            ("path.expired", {"last": NOW - DAY}),
            ("path.not-yet-valid", {"first": NOW + DAY}),
        ],
    )
    def test_a_link_out_of_time(self, which: str, code: str, times: dict[str, datetime]) -> None:
        def of(name: str) -> dict[str, Any]:
            return times if which == name else {}

        top = root("Lab Root", **of("root"))
        sub = top.issue_ca("Lab Sub", **of("subordinate"))
        leaf = sub.issue_leaf("ccx1.example.com", **of("leaf"))
        label = {"leaf": "ccx1.example.com", "subordinate": "Lab Sub", "root": "Lab Root"}[which]

        verdict = judge(leaf, [top.certificate], [sub.certificate])

        assert codes(verdict) == [code]
        assert f"CN={label}" in sentence(verdict)
        assert len(verdict.path) == 3

    def test_the_last_second_is_valid_whatever_its_fraction(self) -> None:
        own = root("Lab Root", first=NOW, last=NOW).certificate

        assert judge(own, [own], at=NOW.replace(microsecond=999_999)).trusted

    def test_an_expired_subordinate_as_anchor_is_told(self, top: Authority) -> None:
        old = top.issue_ca("Old Sub", last=NOW - DAY)

        verdict = judge(old.issue_leaf("ccx1.example.com"), [old.certificate])

        assert codes(verdict) == ["path.expired"]
        assert "renewed certificate of CN=Old Sub" in verdict.findings[0].cure

    @pytest.mark.parametrize("ca", [False, None])
    def test_an_issuer_that_is_no_ca(self, top: Authority, ca: bool | None) -> None:
        server = top.issue(common_name("Server"), ca=ca)

        verdict = judge(server.issue_leaf("x.example.com"), [top.certificate], [server.certificate])

        assert codes(verdict) == ["path.not-ca"]

    def test_a_trusted_server_certificate_issues_nothing(self) -> None:
        server = root("Server", ca=False)

        assert codes(judge(server.issue_leaf("x"), [server.certificate])) == ["path.not-ca"]

    def test_an_issuer_that_may_not_sign_certificates(self, top: Authority) -> None:
        server = x509.KeyUsage(True, *[False] * 8)
        sub = top.issue_ca("Lab Sub", server)

        verdict = judge(sub.issue_leaf("x.example.com"), [top.certificate], [sub.certificate])

        assert codes(verdict) == ["path.key-usage"]

    def test_too_many_below_a_path_length(self) -> None:
        top = root("Lab Root", path_length=0)
        sub = top.issue_ca("Lab Sub")
        leaf = sub.issue_leaf("ccx1.example.com")

        verdict = judge(leaf, [top.certificate], [sub.certificate])

        assert codes(verdict) == ["path.length"]
        assert judge(top.issue_leaf("x.example.com"), [top.certificate]).trusted
        assert judge(leaf, [sub.certificate]).trusted  # CM-21: the path is shorter then

    def test_an_unknown_critical_extension(self, top: Authority) -> None:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99.1"), b"\x05\x00")
        critical = (x509.UnrecognizedExtension, x509.BasicConstraints)
        leaf = top.issue_leaf("x.example.com", unknown, critical=critical)

        verdict = judge(leaf, [top.certificate])

        assert codes(verdict) == ["path.critical"]
        assert "1.3.6.1.4.1.99.1" in sentence(verdict)

    def test_a_circle_ends(self) -> None:
        one, two = Authority(common_name("One")), Authority(common_name("Two"))
        first = two.issue_ca("One", key=one.key).certificate
        second = one.issue_ca("Two", key=two.key).certificate

        verdict = judge(one.issue_leaf("x.example.com"), [], [first, second])

        assert codes(verdict) == ["path.no-issuer"]
        assert "circle" in sentence(verdict)

    def test_a_path_without_end_is_cut(self) -> None:
        last = top = root("Root")
        pool = [last := last.issue_ca(f"Sub {number}") for number in range(40)]

        verdict = judge(
            last.issue_leaf("x.example.com"),
            [top.certificate],
            [authority.certificate for authority in pool],
        )

        assert codes(verdict) == ["path.depth"]
        assert len(verdict.path) == 32

    def test_says_first_what_to_mend_first(self) -> None:
        sub = root("Gone").issue_ca("Lab Sub", last=NOW - DAY)
        leaf = sub.issue_leaf(
            "x.example.com", x509.ExtendedKeyUsage([Purpose.CODE_SIGNING]), last=NOW - DAY
        )

        verdict = judge(leaf, [], [sub.certificate])

        wanted = ["path.no-issuer", "path.expired", "path.expired", "path.extended-key-usage"]
        assert codes(verdict) == wanted
        assert all(finding.outcome is Outcome.FAIL for finding in verdict.findings)
        assert all(finding.cure for finding in verdict.findings)

    def test_of_several_ways_the_closest_is_told(self, sub: Authority, leaf: bytes) -> None:
        old = root("Old Root", last=NOW - DAY)
        crossed = old.issue(sub.name, key=sub.key, ca=True).certificate

        verdict = judge(leaf, [old.certificate], [sub.certificate, crossed])

        assert codes(verdict) == ["path.expired"]
        assert verdict.path == (leaf, crossed, old.certificate)

    @pytest.mark.parametrize("certificate", [b"", b"\x30\x03\x02\x01\x01", b"<html>", bytes(5000)])
    def test_what_is_no_certificate_is_unreadable(self, certificate: bytes) -> None:
        verdict = judge(certificate, [certificate], [certificate])

        assert verdict.trusted is False
        assert verdict.path == ()
        assert codes(verdict) == ["path.unreadable"]

    def test_a_broken_extension_is_named(self, top: Authority) -> None:
        oid = x509.ExtendedKeyUsage.oid
        leaf = top.issue_leaf("x.example.com", x509.UnrecognizedExtension(oid, b"\x30\x00"))

        verdict = judge(leaf, [top.certificate])

        assert codes(verdict) == ["path.unreadable"]
        assert "extended key usage" in sentence(verdict)

    def test_names_in_sentences_are_visible_and_short(self, top: Authority) -> None:
        hostile = "\u202e<b>\n" + "A" * 5000
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, hostile)])
        certificate = Authority(name).issue(name).certificate

        verdict = judge(certificate, [top.certificate])

        told = " ".join(map(str, verdict.findings))
        assert "\u202e" not in told
        assert "\n" not in told
        assert len(told) < 800


class TestNameConstraints:
    @pytest.mark.parametrize(
        ("permitted", "excluded", "name", "is_fine"),
        [
            (["example.com"], [], "ccx1.example.com", True),
            (["example.com"], [], "ccx1.example.org", False),
            (["example.com"], [], "notexample.com", False),
            (["example.com"], [], "*.example.com", True),
            ([], ["bad.example.com"], "bad.example.com", False),
            ([], ["bad.example.com"], "*.example.com", False),
            ([], ["bad.example.com"], "good.example.com", True),
            (["example.com"], ["example.com"], "ccx1.example.com", False),
        ],
    )
    def test_bind_host_names(
        self, permitted: list[str], excluded: list[str], name: str, is_fine: bool
    ) -> None:
        top = root("Lab Root", constraints(permitted, excluded))

        verdict = judge(top.issue_leaf("Server", host_names(name)), [top.certificate])

        assert codes(verdict) == ([] if is_fine else ["path.name-constraint"])
        if not is_fine:
            assert name in sentence(verdict)

    @pytest.mark.parametrize(
        ("common", "is_fine"),
        [
            ("192.0.2.1", True),
            ("Mr. Smith", True),
            ("ccx_1.other", True),
            ("ccx1", True),
            ("not.dns.", True),
            ("ccx1.example.com", True),
            ("ccx1.example.org", False),
        ],
    )
    def test_bind_a_common_name_that_is_a_host_name(self, common: str, is_fine: bool) -> None:
        top = root("Lab Root", constraints(["example.com"], []))

        verdict = judge(top.issue_leaf(common), [top.certificate])

        assert verdict.trusted is is_fine, verdict.findings

    def test_bind_subordinates_of_subordinates(self) -> None:
        top = root("Lab Root")
        sub = top.issue_ca("Sub", constraints(["example.com"], []))
        below = sub.issue_ca("Below")
        pool = [sub.certificate, below.certificate]

        good = below.issue_leaf("Server", host_names("a.example.com"))
        bad = below.issue_leaf("Server", host_names("a.example.org"))

        assert judge(good, [top.certificate], pool).trusted
        assert codes(judge(bad, [top.certificate], pool)) == ["path.name-constraint"]
        assert judge(bad, [below.certificate], pool).trusted  # the trust store cuts it off (CM-21)
