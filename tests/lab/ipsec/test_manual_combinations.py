"""The manual's algorithms on the wire: a sample here, all 180 by `./ccxsec lab` (IP-2, IP-7)."""

from typing import Any

import pytest

from tests.lab.ipsec.combinations import MANUAL, SAMPLE, title
from tests.lab.ipsec.esp_kernel import EspKernel
from tests.lab.ipsec.scenes import meet
from tests.lab.ipsec.verdict import assert_in_force


@pytest.mark.spec("IP-2", "IP-7")
@pytest.mark.parametrize("fields", SAMPLE, ids=title)
def test_a_combination_of_the_manual_is_in_force(esp: EspKernel, fields: dict[str, Any]) -> None:
    assert_in_force(fields, esp.play(meet, fields))


def test_each_value_of_the_manual_occurs_in_the_sample() -> None:
    for field in MANUAL[0]:
        assert {one[field] for one in SAMPLE} == {one[field] for one in MANUAL}
    assert len(MANUAL) == 180
    assert len({title(one) for one in SAMPLE}) == 20
