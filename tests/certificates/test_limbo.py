"""Path validation cases that others made: x509-limbo with BetterTLS, and NIST's PKITS.

Limbo is read from the folder that CCXSEC_TEST_DATA names (default: ../shared/data beside the
checkout); PKITS comes with `cryptography-vectors`. Run with `-s` to see the table of wrong cases.
"""

import json
import os
import re
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from certificates.x509.chain import PathVerdict, Pool, find_path

CHECKOUT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CCXSEC_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
LIMBO = DATA / "limbo-core-dev.json"
LEAST_RIGHT = 0.98

# What is not asked here: a pattern of the identifier or a feature, and why.
LEFT_OUT = {
    r"webpki::": "a rule of the public Web PKI alone",
    r"crl::|has-crl": "no CRL is asked",
    r"max-chain-depth$": "the caller names no depth of his own",
    r"rfc5280::san::underscore-dns": "a rule about peer names; the upload warns of it (san.syntax)",
    r"pedantic-serial-number": "serial numbers are judged at the upload (serial): roots have any",
    r"::(aki|ski)::.*missing": "a hint (RFC 5280, 4.2.1.1); a tenth of real CAs lack it",
}
# Wrong on purpose: a real private CA would be refused, or the case is judged elsewhere.
KNOWN = {
    "rfc5280::nc::permitted-dns-match-noncritical": "private CAs seldom mark them critical; they "
    "bind all the same",
}


def limbo() -> list[dict[str, Any]]:
    if not LIMBO.exists():
        pytest.skip(f"{LIMBO} is absent: name the folder of the test data in CCXSEC_TEST_DATA")
    cases: list[dict[str, Any]] = json.loads(LIMBO.read_text())["testcases"]
    return cases


def reason_to_leave_out(case: dict[str, Any]) -> str:
    texts = (case["id"], *case["features"])
    return next(
        (why for rule, why in LEFT_OUT.items() if any(re.search(rule, text) for text in texts)), ""
    )


def judged(case: dict[str, Any], **options: Any) -> PathVerdict:
    moment = case["validation_time"]
    return find_path(
        _der(case["peer_certificate"]),
        anchors=[_der(pem) for pem in case["trusted_certs"]],
        intermediates=[_der(pem) for pem in case["untrusted_intermediates"]],
        at=datetime.fromisoformat(moment) if moment else datetime(2026, 6, 1, tzinfo=UTC),
        usage=case["validation_kind"].lower(),
        **options,
    )


def wrong(cases: list[dict[str, Any]], **options: Any) -> Iterator[tuple[str, PathVerdict]]:
    for case in cases:
        verdict = judged(case, **options)
        if verdict.trusted is not (case["expected_result"] == "SUCCESS"):
            yield case["id"], verdict


@pytest.mark.spec("CM-20")
def test_limbo_is_judged_right() -> None:
    cases = [case for case in limbo() if not case["id"].startswith("bettertls::")]
    asked = [case for case in cases if not reason_to_leave_out(case)]

    found = dict(wrong(asked))

    right = 1 - len(found) / len(asked)
    table = [f"limbo: {len(cases)} cases, {len(asked)} asked, {right:.1%} right; wrong are"]
    for name, verdict in found.items():
        told = "; ".join(map(str, verdict.findings)) or "trusted"
        table.append(f"  {name}: {told} ({KNOWN.get(name, 'why is not known')})")
    sys.stdout.write("\n" + "\n".join(table) + "\n")
    assert right >= LEAST_RIGHT
    assert set(found) <= set(KNOWN)


@pytest.mark.spec("CM-20")
def test_bettertls_is_judged_right_where_legacy_is_refused() -> None:
    cases = [case for case in limbo() if case["id"].startswith("bettertls::")]

    assert dict(wrong(cases, allow_legacy=False)) == {}


def test_what_is_trusted_begins_with_the_leaf_and_ends_with_an_anchor() -> None:
    for case in limbo():
        verdict = judged(case)
        if verdict.trusted:
            assert verdict.path[0] == _der(case["peer_certificate"])
            assert verdict.path[-1] in map(_der, case["trusted_certs"])
        else:
            assert verdict.findings


NIST = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data" / "certs"
# Only a CRL would tell (PKITS, 4.4, 4.14 and 4.15, and the revoked ones of other sections).
NEEDS_CRL = re.compile(
    r"CRL|Revoked|distributionPoint|onlyContains|onlySomeReasons|LongSerialNumberTest18"
    r"|BasicSelfIssued(NewWithOldTest5|OldWithNewTest2)|SeparateCertificate",
    re.IGNORECASE,
)
NEEDS_DSA_PARAMETERS_OF_THE_ISSUER = "ValidDSAParameterInheritanceTest5EE"


def nist_cases() -> list[str]:
    names = sorted(path.stem for path in NIST.glob("*EE.crt"))
    return [
        name
        for name in names
        if name.startswith("Valid") or (name.startswith("Invalid") and not NEEDS_CRL.search(name))
        if name != NEEDS_DSA_PARAMETERS_OF_THE_ISSUER
    ]


@pytest.fixture(scope="module")
def nist_pool() -> Pool:
    """All certificates of the suite at once: nothing but the right path may be found."""
    anchor = NIST / "TrustAnchorRootCertificate.crt"
    others = [path.read_bytes() for path in NIST.glob("*.crt") if path != anchor]
    return Pool(anchors=[anchor.read_bytes()], intermediates=others)


@pytest.mark.spec("CM-20")
@pytest.mark.parametrize("name", nist_cases())
def test_nist_is_judged_right(name: str, nist_pool: Pool) -> None:
    leaf = (NIST / f"{name}.crt").read_bytes()

    verdict = nist_pool.find_path(leaf, at=datetime(2020, 1, 1, tzinfo=UTC), usage="any")

    assert verdict.trusted is name.startswith("Valid"), verdict.findings


def _der(pem: str) -> bytes:
    return b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))
