"""What a path may be used for, and how strong its keys and signatures are (CM-20)."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from certificates.refusal import Outcome
from certificates.x509 import der
from certificates.x509.chain import PathVerdict
from tests.certificates.authorities import (
    DAY,
    NOW,
    Authority,
    codes,
    common_name,
    der_of,
    judge,
    new_key,
    openssl,
    root,
    sentence,
)


class TestUsage:
    @pytest.mark.parametrize(
        ("usage", "purposes", "is_fine"),
        [
            ("server", [Purpose.SERVER_AUTH], True),
            ("server", [Purpose.ANY_EXTENDED_KEY_USAGE], True),
            ("server", [Purpose.CLIENT_AUTH], False),
            ("server", [Purpose.CLIENT_AUTH, Purpose.SERVER_AUTH], True),
            ("client", [Purpose.CLIENT_AUTH], True),
            ("client", [Purpose.SERVER_AUTH], False),
            ("ipsec", [Purpose.IPSEC_IKE], True),
            ("ipsec", [Purpose.SERVER_AUTH], True),
            ("ipsec", [Purpose.CODE_SIGNING], False),
            ("any", [Purpose.CODE_SIGNING], True),
        ],
    )
    @pytest.mark.parametrize("holder", ["leaf", "subordinate", "anchor"])
    def test_extended_key_usages_bind_what_is_below(
        self, usage: str, purposes: list[x509.ObjectIdentifier], is_fine: bool, holder: str
    ) -> None:
        extension = [x509.ExtendedKeyUsage(purposes)]
        top = root("Root", *(extension if holder == "anchor" else []))
        sub = top.issue_ca("Sub", *(extension if holder == "subordinate" else []))
        leaf = sub.issue_leaf("x.example.com", *(extension if holder == "leaf" else []))

        verdict = judge(leaf, [top.certificate], [sub.certificate], usage=usage)

        assert codes(verdict) == ([] if is_fine else ["path.extended-key-usage"])

    @pytest.mark.parametrize(("usage", "is_fine"), [("server", False), ("any", True)])
    def test_a_leaf_may_be_for_other_things(
        self, top: Authority, usage: str, is_fine: bool
    ) -> None:
        only_data = x509.KeyUsage(False, False, False, True, *[False] * 5)

        verdict = judge(top.issue_leaf("x.example.com", only_data), [top.certificate], usage=usage)

        assert codes(verdict) == ([] if is_fine else ["path.key-usage"])

    def test_another_usage_or_a_naive_moment_is_a_mistake_of_the_caller(self, leaf: bytes) -> None:
        with pytest.raises(ValueError, match="usage"):
            judge(leaf, [], usage="email")
        with pytest.raises(ValueError, match="time zone"):
            judge(leaf, [], at=NOW.replace(tzinfo=None))


class TestLegacy:
    def test_sha_1_is_told_and_can_be_refused(self, top: Authority, sub: Authority) -> None:
        old = _signed_with_sha1(top, sub)
        leaf = sub.issue_leaf("x.example.com")

        verdict = judge(leaf, [top.certificate], [old])
        strict = judge(leaf, [top.certificate], [old], allow_legacy=False)

        assert verdict.trusted
        assert codes(verdict) == ["path.legacy"]
        assert "SHA-1" in sentence(verdict)
        assert verdict.findings[0].is_legacy
        assert verdict.findings[0].outcome is Outcome.WARN
        assert not strict.trusted
        assert codes(strict) == ["path.legacy"]
        assert strict.findings[0].outcome is Outcome.FAIL

    def test_a_path_without_legacy_is_preferred(self, top: Authority, sub: Authority) -> None:
        old = _signed_with_sha1(top, sub)
        leaf = sub.issue_leaf("x.example.com")

        verdict = judge(leaf, [top.certificate], [old, sub.certificate])

        assert verdict == PathVerdict(True, (leaf, sub.certificate, top.certificate), ())

    @pytest.mark.parametrize(
        ("bits", "wanted"), [(1024, "path.legacy"), (1536, "path.legacy"), (2048, None)]
    )
    def test_short_rsa_keys_are_told(self, bits: int, wanted: str | None) -> None:
        top = root("Root", key=rsa.generate_private_key(65537, bits))

        verdict = judge(top.issue_leaf("x.example.com"), [top.certificate])

        assert verdict.trusted
        assert codes(verdict) == ([wanted] if wanted else [])

    def test_the_weakest_keys_are_never_followed(self, tmp_path: Path) -> None:
        new = ("req", "-x509", "-newkey", "rsa:768", "-nodes", "-keyout", "k", "-out", "weak.pem")
        openssl(tmp_path, *new, "-subj", "/CN=Weak")
        weak = der_of((tmp_path / "weak.pem").read_bytes())
        now = x509.load_der_x509_certificate(weak).not_valid_before_utc

        assert codes(judge(weak, [weak], at=now)) == ["path.weak-key"]

    def test_dsa_is_legacy(self) -> None:
        top = root("Root", key=dsa.generate_private_key(2048))

        assert codes(judge(top.issue_leaf("x.example.com"), [top.certificate])) == ["path.legacy"]


@pytest.mark.parametrize(
    "key",
    [ec.SECP384R1, ec.SECP521R1, ed25519.Ed25519PrivateKey.generate],
    ids=["P-384", "P-521", "Ed25519"],
)
def test_signatures_of_other_keys(key: Any) -> None:
    made = key() if not isinstance(key, type) else ec.generate_private_key(key())
    is_edwards = isinstance(made, ed25519.Ed25519PrivateKey)
    top = Authority(common_name("Root"), made)
    builder = _builder("Root", "Root", made.public_key())
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    digest = None if is_edwards else hashes.SHA384()
    anchor = builder.sign(top.key, digest).public_bytes(Encoding.DER)
    leaf = _builder("x.example.com", "Root", new_key().public_key()).sign(top.key, digest)

    assert judge(leaf.public_bytes(Encoding.DER), [anchor]).trusted


@pytest.mark.parametrize("salt", [padding.PSS.DIGEST_LENGTH, padding.PSS.MAX_LENGTH, 0])
def test_pss_signatures(salt: Any) -> None:
    top = root("Root", key=rsa.generate_private_key(65537, 2048))
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), salt)
    builder = _builder("x.example.com", "Root", new_key().public_key())
    leaf = builder.sign(top.key, hashes.SHA384(), rsa_padding=pss).public_bytes(Encoding.DER)

    assert judge(leaf, [top.certificate]) == PathVerdict(True, (leaf, top.certificate), ())


def _builder(subject: str, issuer: str, key: Any) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        common_name(issuer), common_name(subject), key, 7, NOW - DAY, NOW + DAY
    )


def _signed_with_sha1(top: Authority, sub: Authority) -> bytes:
    """The library signs no certificate with SHA-1, but its keys still do."""
    made = top.issue(sub.name, key=sub.key, ca=True).certificate
    content, algorithm, _ = der.only_element(made).children()
    sha1 = der.encode(der.SEQUENCE, bytes.fromhex("06072a8648ce3d0401"))
    body = b"".join(sha1 if part.raw == algorithm.raw else part.raw for part in content.children())
    content_der = der.encode(der.SEQUENCE, body)
    signature = top.key.sign(content_der, ec.ECDSA(hashes.SHA1()))
    return der.encode(
        der.SEQUENCE, content_der + sha1 + der.encode(der.BIT_STRING, b"\0" + signature)
    )
