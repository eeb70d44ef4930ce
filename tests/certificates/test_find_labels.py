"""What a column shows as a word of the reader's language is found by that word (CM-2)."""

import pytest
from django.db.models import Q
from django.utils import translation

from certificates.conditions import Condition, Operator
from certificates.find import CSR_ONLY, to_query
from certificates.models import Certificate, Node
from certificates.sentence import in_language
from certificates.x509.facts import CertificateType

LABEL = CertificateType.SELF_SIGNED.label


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_type_is_found_as_it_is_shown_and_in_english(node: Node, language: str) -> None:
    wanted = Certificate.objects.filter(type=CertificateType.SELF_SIGNED).count()
    assert wanted
    with translation.override(language):
        assert in_language(LABEL).isascii() is (language == "en")
        for word in (in_language(LABEL), str(LABEL), in_language(LABEL)[:2]):
            asked = to_query([Condition("type", Operator.BEGINS, word)])
            assert Certificate.objects.filter(asked).count() == wanted, word


@pytest.mark.parametrize("language", ["en", "ja"])
def test_requests_are_found_by_what_stands_for_their_type(language: str) -> None:
    with translation.override(language):
        assert in_language(CSR_ONLY).isascii() is (language == "en")
        for word in (in_language(CSR_ONLY), str(CSR_ONLY)):
            assert to_query([Condition("type", Operator.IS, word)], requests=True) == Q()
