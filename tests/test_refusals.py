"""docs/refusals.md names every refusal, and the vocabulary of uploads is whole."""

import pytest

from tests.refusal_table import PAGE, page, reasons

# What scripts may ask for: these codes stay.
VOCABULARY = [
    "upload.size",
    "upload.empty",
    "upload.text",
    "type.pkcs7-pem",
    "type.pkcs12",
    "type.csr",
    "type.crl",
    "type.public-key",
    "type.trusted",
    "type.other",
    "key.included",
    "pem.several",
    "parse",
    "structure.size",
    "structure.duplicate-extension",
    "structure.version",
    "structure.algorithm",
    "structure.critical",
    "bundle.count",
    "bundle.empty",
    "bundle.content",
    "name.control",
    "name.long",
    "name.empty",
    "san.syntax",
    "san.count",
    "uri.syntax",
    "key.weak",
    "key.size",
    "key.bad",
    "key.type",
    "key.explicit-curve",
    "serial",
    "validity",
    "signature.wrong",
    "signature.weak",
    "identity.key",
    "identity.stale",
    "identity.ca",
    "identity.usage",
    "identity.rsa",
    "identity.names",
    "path.no-issuer",
    "path.signature",
    "path.not-ca",
    "path.length",
    "path.name-constraint",
    "path.expired",
    "path.key-usage",
    "path.legacy",
    "purpose.wrong",
    "purpose.directory",
    "trust.known",
    "trust.same-name",
]


@pytest.mark.spec("CM-13")
def test_the_page_is_what_the_source_says() -> None:
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("code", VOCABULARY)
def test_each_code_has_a_sentence(code: str) -> None:
    found = [reason for reason in reasons() if reason.code == code]

    assert found
    assert all(reason.sentence for reason in found)


def test_what_refuses_says_what_to_do() -> None:
    warnings = {"bundle.content", "bundle.count", "name.empty", "name.long", "san.syntax", "serial"}
    warnings |= {"structure.version"}

    assert [r for r in reasons() if not r.cure and r.code not in warnings] == []
