"""docs/ipsec-export-format.md and docs/ipsec-peer.md say what the code does."""

import json
import re
from enum import Enum

import pytest

from ipsec.exchange.document import document
from ipsec.exchange.formats import Format
from ipsec.exchange.reading import LARGEST, MOST_POLICIES
from ipsec.exchange.values import LONGEST_CERTIFICATE_NAME
from ipsec.policy.choices import Authentication, Encryption, Esp, Hash, Mode, PeerType, Protocol
from tests.ipsec.definitions import WEB, mirror
from tests.product import ROOT

pytestmark = pytest.mark.spec("IP-2")
PAGE = (ROOT / "docs" / "ipsec-export-format.md").read_text()


def test_the_example_is_what_is_written() -> None:
    found = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert found
    shown, written = json.loads(found[1]), json.loads(document(mirror(WEB)))

    assert written["about"].startswith(shown.pop("about").rstrip("…"))
    assert shown == {key: value for key, value in written.items() if key != "about"}


@pytest.mark.parametrize(
    "choices", [Authentication, Encryption, Esp, Hash, Mode, PeerType, Protocol, Format]
)
def test_every_choice_is_on_the_page(choices: type[Enum]) -> None:
    page = (ROOT / "docs" / "ipsec-peer.md").read_text() if choices is Format else PAGE

    assert [one.value for one in choices if f"`{one.value}`" not in page] == []


def test_the_limits_are_on_the_page() -> None:
    assert LARGEST == 1024 * 1024
    assert "1 MiB" in PAGE
    assert f"1 to {MOST_POLICIES:,}" in PAGE
    assert f"up to {LONGEST_CERTIFICATE_NAME} visible characters" in PAGE
