"""Sentences: English to the program, the reader's language on a page."""

import copy
import json
import pickle
from collections.abc import Iterator

import pytest
from django.template import Context, Engine
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext

from certificates.refusal import Refused
from certificates.sentence import (
    Sentence,
    in_language,
    listed,
    lowered,
    replaced,
    say,
    say_as,
    say_count,
    together,
    translate_by,
)
from certificates.x509.comparison import Difference
from certificates.x509.visible import cut, visible

JAPANESE = {
    "Node <b>": "ノード<b>",
    "The {what} of {owner}": "{owner}の{what}",
    "{sentence} {next_sentence}": "{sentence}{next_sentence}",
    "a verb\4Open": "開く",
    "Open": "開いています",
    "Self-signed": "自己署名",
    "Put it into the store.": "保管庫に入れます。",
    "the store": "保管庫",
    "It {value.__class__} is": "{value.__class__}",
}


@pytest.fixture(autouse=True)
def _in_japanese() -> Iterator[None]:
    translate_by(lambda text: JAPANESE.get(text, text), lambda one, many, count: "証明書{count}件")
    yield
    translate_by(gettext, ngettext)


def test_it_is_english_to_whoever_keeps_or_compares_it() -> None:
    said = say("The {what} of {owner}", what=say("Node <b>"), owner="a")

    assert said == "The Node <b> of a"
    assert json.dumps({"said": said}) == '{"said": "The Node <b> of a"}'
    assert f"{said}." == "The Node <b> of a."
    assert {said: 1}["The Node <b> of a"] == 1


def test_html_and_plain_text_are_in_the_language_of_the_reader() -> None:
    said = say("The {what} of {owner}", what=say("Node <b>"), owner="<a>")

    assert in_language(said) == "<a>のノード<b>"
    assert format_html("<p>{}</p>", said) == "<p>&lt;a&gt;のノード&lt;b&gt;</p>"
    page = Engine().from_string("{{ said }}, {{ list|join:', ' }}")
    shown = "&lt;a&gt;のノード&lt;b&gt;"
    assert page.render(Context({"said": said, "list": [said]})) == f"{shown}, {shown}"


def test_html_that_is_safe_keeps_its_marks() -> None:
    said = say("The {what} of {owner}", what=format_html("<i>{}</i>", "<"), owner="a")

    assert format_html("{}", said) == "aの<i>&lt;</i>"


@pytest.mark.parametrize("way", [str, copy.deepcopy, lambda said: pickle.loads(pickle.dumps(said))])
def test_its_ways_through_frameworks_keep_the_translation(way: object) -> None:
    kept = way(say("Node <b>"))  # type: ignore[operator]

    assert isinstance(kept, Sentence)
    assert (kept, in_language(kept)) == ("Node <b>", "ノード<b>")


def test_a_refusal_is_told_in_both() -> None:
    refused = Refused("a", say("Node <b>"), say("Open"))

    assert str(refused) == "Node <b> Open"
    assert in_language(refused) == "ノード<b>開いています"
    assert in_language(pickle.loads(pickle.dumps(refused))) == "ノード<b>開いています"


def test_a_number_chooses_the_form() -> None:
    said = [say_count("{count} certificate", "{count} certificates", n) for n in (1, 2)]

    assert said == ["1 certificate", "2 certificates"]
    assert [in_language(one) for one in said] == ["証明書1件", "証明書2件"]


def test_a_word_with_two_meanings_has_two_translations() -> None:
    assert in_language(say_as("a verb", "Open")) == "開く"
    assert in_language(say("Open")) == "開いています"
    assert in_language(say_as("a noun", "Open")) == "Open"


def test_a_label_within_a_sentence() -> None:
    assert lowered(say("Self-signed")) == "self-signed"
    assert in_language(lowered(say("Self-signed"))) == "自己署名"
    assert in_language(lowered(say("Not known"))) == "not known"
    assert lowered("Plain") == "plain"


def test_words_are_replaced_in_each_language() -> None:
    said = replaced(say("Put it into the store."), say("the store"), "A & B")

    for kept in (said, pickle.loads(pickle.dumps(said)), copy.deepcopy(said)):
        assert kept == "Put it into A & B."
        assert in_language(kept) == "A & Bに入れます。"
        assert format_html("{}", kept) == "A &amp; Bに入れます。"
    assert in_language(replaced("the store {value}", say("the store"), "b")) == "the store {value}"


def test_empty_texts_are_left_out() -> None:
    assert together("", "A.", "", "B.") == "A. B."
    assert together("", "") == ""
    assert in_language(say("")) == ""


def test_parts_in_a_row_keep_their_translations() -> None:
    row = listed([say("Open"), "a<b", say("Self-signed")])

    assert row == "Open, a<b, Self-signed"
    assert in_language(row) == "開いています, a<b, 自己署名"
    assert format_html("{}", row) == "開いています, a&lt;b, 自己署名"
    assert in_language(listed(["{part_1}", "b"], say("Open"))) == "{part_1}開いていますb"
    assert listed([]) == in_language(listed([])) == ""


def test_what_is_visible_keeps_its_translation_and_what_is_not_loses_it() -> None:
    said = say("The {what} of {owner}", what="é", owner="a")

    assert in_language(visible(said)) == "aのé"
    assert visible(say("The {what} of {owner}", what="\u202e", owner="a")) == r"The \u{202e} of a"
    assert in_language(cut(said, 10)) == "aのé"
    assert cut(said, 5) == "The é"


def test_a_difference_is_told_in_both() -> None:
    told = Difference("subject", ("CN=a",), ("CN=b",))
    kept = pickle.loads(pickle.dumps(told))

    assert kept == told == "Other subject than asked for: missing CN=a; extra CN=b."
    assert (kept.part, kept.missing, kept.extra) == ("subject", ("CN=a",), ("CN=b",))
    translate_by(lambda text: {"extra {names}": "余分 {names}"}.get(text, text), ngettext)
    assert in_language(kept) == "Other subject than asked for: missing CN=a; 余分 CN=b."


def test_a_translation_reaches_no_attribute_of_a_value() -> None:
    assert in_language(say("It {value.__class__} is", value="a")) == "{value.__class__}"
