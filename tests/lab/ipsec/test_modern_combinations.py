"""Today's algorithms on the wire, in IKEv2 (IP-2, IP-7)."""

from typing import Any

import pytest

from tests.lab.ipsec.combinations import MODERN, title
from tests.lab.ipsec.esp_kernel import EspKernel
from tests.lab.ipsec.scenes import meet
from tests.lab.ipsec.verdict import assert_in_force


@pytest.mark.spec("IP-2", "IP-7")
@pytest.mark.parametrize("fields", MODERN, ids=title)
def test_a_modern_combination_is_in_force(esp: EspKernel, fields: dict[str, Any]) -> None:
    assert_in_force(fields, esp.play(meet, fields))
