"""What charon's own lines mean: each case was recorded from two real daemons (`logs/`).

`.initiator` is the stream of `initiate`; `.responder` and `.daemon` are a daemon's log. In
`initiator` and `daemon` this server is 10.98.0.1, in `responder` it is 10.98.0.2.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsec.exchange.mirror import counterpart
from ipsec.explain import Diagnosis, explain
from ipsec.policy.choices import Authentication, IkeVersion
from ipsec.policy.definition import FIELD_LABELS, Definition
from tests.ipsec.explained import AUTH, CERT, FAILED, UP

pytestmark = pytest.mark.spec("IP-7")
LOGS = Path(__file__).parent / "logs"
HERE = Definition(
    group="Cluster", name="web", source_address="10.98.0.1", destination_address="10.98.0.2"
)


def diagnosis(log: str, **fields: Any) -> Diagnosis:
    version = IkeVersion.IKEV1 if log.startswith("ikev1") else IkeVersion.IKEV2
    definition = replace(HERE, ike_version=version)
    if log.endswith(".responder"):
        definition = counterpart(definition)
    definition = replace(definition, **fields)
    is_certificate = definition.authentication is Authentication.CERTIFICATE
    lines = (LOGS / f"{log}.txt").read_text().splitlines()
    return explain(lines, definition, is_certificate=is_certificate)


@pytest.mark.parametrize(
    ("log", "fields", "field", "said"),
    FAILED,
    ids=[f"{log} {'+'.join(fields)}" for log, fields, _, _ in FAILED],
)
def test_why_it_failed(log: str, fields: dict[str, Any], field: str, said: str) -> None:
    told = diagnosis(log, **fields)

    assert not told.is_established
    assert said in told.sentence
    assert told.field == field
    assert field in FIELD_LABELS or not field
    assert told.cure
    assert told.proofs
    assert set(told.proofs) <= set(told.lines)


@pytest.mark.parametrize(
    ("log", "fields", "field", "said"),
    UP,
    ids=[f"{log} {'+'.join(fields)}" for log, fields, _, _ in UP],
)
def test_what_was_agreed(log: str, fields: dict[str, Any], field: str, said: str) -> None:
    told = diagnosis(log, **fields)

    assert told.is_established
    assert told.field == field
    assert said in told.sentence
    assert bool(told.cure) is bool(field)
    assert told.proofs


def test_every_recorded_log_is_explained() -> None:
    used = {log for log, _, _, _ in FAILED + UP}

    assert {path.stem for path in LOGS.glob("*.txt")} == used


# Lines that a daemon writes and that could not be had from two of them here: the format strings
# are those of strongSwan's source (libcharon, libstrongswan).
@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ("certificate was revoked on Jan 01 00:00:00 UTC 2026, reason: x", AUTH, "revoked"),
        ("received TEMPORARY_FAILURE notify, will retry later", "", "something else"),
        ("received netlink error: Protocol not supported (93)", "", "not known here"),
        ("unable to install IPsec policies (SPD) in kernel", "esp", "did not take the result"),
        ("error writing to socket: Operation not permitted", "destination_address", "A firewall"),
        ("error writing to socket: Message too long", "destination_address", "Message too long"),
        ("issuer certificate invalid (valid from A to B)", AUTH, "The certificate of the CA"),
    ],
    ids=["revoked", "temporary", "netlink", "policies", "firewall", "size", "issuer"],
)  # fmt: skip
def test_a_line_by_itself(line: str, field: str, said: str) -> None:
    told = explain([f"[IKE] {line}"], replace(HERE, **CERT), is_certificate=True)

    assert said in told.sentence
    assert told.field == field


@pytest.mark.parametrize(
    ("received", "configured", "field", "said"),
    [
        (
            "ESP:AES_GCM_16_256/NO_EXT_SEQ",
            "ESP:AES_GCM_16_256/ECP_384/NO_EXT_SEQ",
            "phase_two_dh",
            "Phase Two DH is Off there and ECP 384 here",
        ),
        (
            "IKE:AES_CBC_256/PRF_HMAC_SHA1/ECP_384, IKE:3DES_CBC/PRF_HMAC_SHA2_384/ECP_384",
            "IKE:AES_CBC_256/PRF_HMAC_SHA2_384/ECP_384",
            "encryption",
            "but not together",
        ),
        (
            "ESP:BLOWFISH_CBC_128/HMAC_MD5_96/NO_EXT_SEQ",
            "ESP:NULL/HMAC_SHA1_96/NO_EXT_SEQ",
            "esp",
            "is BLOWFISH there and NULL_ENC here; Hash Algorithm is MD5 there and SHA1 here",
        ),
        (
            "ESP:CAMELLIA_CBC_128/CURVE_25519",
            "ESP:AES_CBC_128/CURVE_25519",
            "esp",
            "CAMELLIA_CBC_128 there and AES-128 here",
        ),
    ],
    ids=["off", "together", "both", "unknown"],
)  # fmt: skip
def test_proposals_are_compared_part_by_part(
    received: str, configured: str, field: str, said: str
) -> None:
    lines = [f"received proposals: {received}", f"configured proposals: {configured}"]

    told = explain(lines, HERE, is_certificate=False)

    assert said in told.sentence
    assert told.field == field


def test_silence_after_the_first_answer_is_something_else() -> None:
    lines = [
        "selected proposal: IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384",
        "giving up after 5 retransmits",
    ]

    told = explain(lines, HERE, is_certificate=False)

    assert "answered at first and then stopped" in told.sentence


@pytest.mark.parametrize("lines", [[], ["", "  "]], ids=["none", "empty"])
def test_nothing_said_is_said(lines: list[str]) -> None:
    told = explain(lines, HERE, is_certificate=False)

    assert "said nothing" in told.sentence
    assert (told.is_established, told.field, told.proofs) == (False, "", ())


def test_what_is_unknown_is_called_so_with_its_last_lines() -> None:
    lines = [f"[IKE] the flux of {number} is inverted" for number in range(20)]

    told = explain(lines, HERE, is_certificate=False)

    assert "not known here" in told.sentence
    assert told.proofs == tuple(f"the flux of {number} is inverted" for number in range(15, 20))


def test_hostile_text_of_a_certificate_does_no_harm() -> None:
    line = "[IKE] no trusted RSA public key found for 'CN=\u202eevil\n[IKE] CHILD_SA a'"

    told = explain([line], replace(HERE, **CERT), is_certificate=True)

    assert not told.is_established
    assert "\\u{202e}evil\\u{a}" in told.sentence
    assert all("\u202e" not in text and "\n" not in text for text in (told.sentence, *told.lines))


@pytest.mark.parametrize("text", ["{peer.__class__}", "{0}", "{", "%s"])
def test_text_from_outside_is_never_a_template(text: str) -> None:
    told = explain([f"error writing to socket: {text}"], HERE, is_certificate=False)

    assert told.sentence == f"Nothing can be sent to 10.98.0.2: {text}."


def test_a_second_try_that_works_counts() -> None:
    """The peer asks for another group at first; then they agree."""
    lines = (LOGS / "ikev2-phase-one-encryption.initiator.txt").read_text().splitlines()
    lines += (LOGS / "ipv6-good.initiator.txt").read_text().splitlines()

    assert explain(lines, HERE, is_certificate=False).is_established


def test_what_was_connected_and_then_ended_is_not_connected() -> None:
    lines = (LOGS / "ipv6-good.initiator.txt").read_text().splitlines()
    lines += (LOGS / "ikev2-deleted-there.daemon.txt").read_text().splitlines()

    assert not explain(lines, HERE, is_certificate=False).is_established
