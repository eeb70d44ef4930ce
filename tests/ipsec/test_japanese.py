"""The screens of policies in Japanese, with what only a policy at work shows on them."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from certificates.models import Node
from ipsec.models import Kind, Policy
from ipsec.operations.history import Happening, record
from ipsec.operations.state import names_of
from tests.ipsec.configuring import ADD, LIST, form, text
from tests.ipsec.conftest import HERE, LEGACY, THERE, Add
from tests.ipsec.recorded import Recorded
from tests.test_japanese import JAPANESE, english

pytestmark = pytest.mark.django_db(transaction=True)


def establish(told: Recorded, row: Policy, **differs: Any) -> None:
    connection, child, _ = names_of([row])[str(row)]
    told.establish(connection, child, HERE, THERE, **differs)


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({}, ["適用中</span>", "設定どおり</span>", "415パケット、51,877バイト", "確立済み"]),
        ({"mode": "TUNNEL"}, ["失敗</span>", "TUNNELがネゴシエートされました。", "トンネル</td>"]),
        ({"local-ts": [f"{HERE}/32[tcp/443]"]}, ["ピアが範囲を狭めました。", "任意、ポート任意"]),
    ],
    ids=["in-force", "tunnel", "narrowed"],
)
def test_how_a_policy_stands(
    administrator: Client, add: Add, told: Recorded, differs: dict[str, Any], words: list[str]
) -> None:
    row = add(enabled=True)
    establish(told, row, **differs)

    page = text(administrator.get(f"{LIST}{row.pk}/", headers=JAPANESE))
    listed = text(administrator.get(LIST, headers=JAPANESE))

    assert english(page) == english(listed) == []
    for word in words:
        assert word in page, word
    assert "IKEv2, AES-256-GCM, SHA-384, DH 20" in listed


def test_what_is_of_a_record_stays_english_and_is_marked(
    administrator: Client, add: Add, told: Recorded
) -> None:
    row = add(enabled=True)
    connection, child, _ = names_of([row])[str(row)]
    told.hold(connection, child, HERE, THERE)
    said = "Nobody answers at the other side."
    record({row.pk: Happening(Kind.FAILED, said, "Look at it.", "peer_type")}, at=timezone.now())

    page = text(administrator.get(f"{LIST}{row.pk}/", headers=JAPANESE))

    assert page.count(f'<span lang="en">{said}</span>') == 2  # how it stands, and the history
    assert "失敗</span>" in page
    assert english(page) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (LEGACY, "暗号アルゴリズムはここでは3DESですが、同じ2つのホストのポリシーweb/aでは"),
        ({"name": "a b"}, "使用できるのは英字、数字、ハイフンだけです。1〜64文字の"),
        ({"source_port": "1-9"}, "または「任意」で入力してください。複数のポートには"),
        ({"preshared_key": "a"}, "事前共有鍵は1文字です。これほど短い鍵はすぐに推測されます。"),
        ({"destination_address": "::"}, "は1つのホストのアドレスではありません。192.0.2.10"),
        ({"trial_minutes": "9999", "name": ""}, "ポリシー名が空です。"),
        ({"source_port": "任意"}, "より狭いweb/desktopが適用されます。別のものを選択するか"),
    ],
    ids=["pair", "name", "ports", "key", "address", "empty", "overlap"],
)
def test_what_is_wrong_with_a_policy(
    administrator: Client, node: Node, add: Add, more: dict[str, str], words: str
) -> None:
    add()

    page = text(administrator.post(ADD, form(**more), headers=JAPANESE))

    assert words in page
    assert english(page) == []
