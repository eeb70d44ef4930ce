"""What a stranger wrote into a certificate is text, wherever it is shown, sent or logged."""

import csv
import html
import io
import json
import logging
import re
import socket
import ssl
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.http import HttpResponse
from pytest_django import Settings

from ccxsec_project.logs import OneLineFormatter
from certificates.find import FIELDS
from certificates.models import Action, Certificate, Event, Node, Purpose
from certificates.refusal import Refused
from certificates.x509.details import describe
from certificates.x509.facts import KeyType, read_facts
from tests import hostile
from tests.conftest import HttpsClient

LIST = "/admin/certificates/certificate/"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# What the product's own templates never contain.
ELEMENTS = {"img", "svg", "iframe", "hostile", "object", "embed", "base", "style"}
ATTRIBUTES = {"autofocus", "srcdoc", "style", "x", "xmlns:a", "formaction"}
ADDRESSES = {"href", "src", "action", "data", "poster", "cite", "background"}

pytestmark = [
    pytest.mark.spec("CM-1", "CM-3"),
    # Limits of X.520 and RFC 5280 that hostile certificates break: the library warns of them.
    pytest.mark.filterwarnings("ignore:Attribute's length must be"),
    pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive"),
]


class Markup(HTMLParser):
    """Reads a page, and notes each element, attribute and address that is none of ours."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self._in_script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self._in_script = tag == "script"
        if tag in ELEMENTS or (tag == "script" and not values.get("src")):
            self.foreign.append(f"<{tag}>")
        for name, value in attributes:
            if name in ATTRIBUTES or name.startswith("on"):
                self.foreign.append(f"<{tag} {name}>")
            parts = urlsplit(value or "")
            if name in ADDRESSES and (parts.scheme or parts.netloc):
                self.foreign.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.foreign.append(f"script: {data!r}")

    def handle_comment(self, data: str) -> None:
        self.foreign.append(f"comment: {data!r}")


def hidden(text: str) -> list[str]:
    """The characters in `text`, line feeds left out, that nobody sees or that move others."""
    return [
        repr(c) for c in text if unicodedata.category(c) in HIDDEN and c not in "\n\u200b"[:1]
    ]


def inert(response: HttpResponse, *, status: int = 200, echo: bool = False) -> str:
    """The page, which is nothing but ours and text; `echo`: it repeats what was typed."""
    page = response.content.decode()
    assert response.status_code == status
    assert Markup(page).foreign == []
    assert "<script>alert" not in page
    assert echo or hidden(page) == []
    assert "hostile" not in response.cookies
    return page
