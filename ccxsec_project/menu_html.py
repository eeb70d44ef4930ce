"""The menu in HTML: made once for a page, which shows it beside the content and, narrow, above."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from certificates.sentence import say

_ENTRY = '<li{}><a href="{}"{}>{}</a></li>'
_CURRENT = (SafeString(' class="current"'), SafeString(' aria-current="page"'))


def menu_html(groups: Iterable[Mapping[str, Any]], path: str) -> SafeString:
    """Everything that the user may open.

    Args:
        groups: as `AdminSite.get_app_list` has them.
        path: of the page that is shown; its own entry is marked.
    """
    index = reverse("admin:index")
    parts = [format_html("<ul>{}</ul>", _line(say("Dashboard"), index, is_current=path == index))]
    for group in groups:
        lines = (
            (_line(entry["name"], entry["admin_url"], is_current=_is_current(entry, path)),)
            for entry in group["models"]
        )
        parts.append(
            format_html(
                "\n<h2>{}</h2>\n<ul>{}</ul>", group["name"], format_html_join("", "{}", lines)
            )
        )
    return SafeString("".join(parts))  # nosec B703 - every text in it is escaped above


def _is_current(entry: Mapping[str, Any], path: str) -> bool:
    return entry["admin_url"] in path or entry["covers"] in path


def _line(name: str, url: str, *, is_current: bool) -> SafeString:
    marked, spoken = _CURRENT if is_current else ("", "")
    return format_html(_ENTRY, marked, url, spoken, name)
