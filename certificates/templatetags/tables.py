"""The quiet links beside a table that save it as CSV or JSON."""

from typing import Any

from django import template
from django.urls import reverse

from certificates.tables import FORMATS

register = template.Library()
_LINKS = "certificates/_save_as.html"


@register.inclusion_tag(_LINKS, takes_context=True)
def save_list(context: dict[str, Any], cl: Any) -> dict[str, Any]:
    """What the list `cl` has found; nothing for whom may not, and for a list without columns."""
    screen, request = cl.model_admin, context["request"]
    if getattr(screen, "exported", None) is None or not screen.has_export_permission(request):
        return {}
    name = f"admin:{cl.opts.app_label}_{cl.opts.model_name}_export"
    return {"files": [(kind.upper(), f"{_of(name, kind)}{_asked(request)}") for kind in FORMATS]}


@register.inclusion_tag(_LINKS, takes_context=True)
def save_table(
    context: dict[str, Any], name: str, what: str, *captured: object, found: bool = False
) -> dict[str, Any]:
    """The `PageTable` called `name`; `what` tells tables of one page apart for who can't see.

    `found`: with the conditions of the page's own address.
    """
    query = _asked(context["request"]) if found else ""
    files = [(kind.upper(), f"{_of(f'admin:{name}', kind, *captured)}{query}") for kind in FORMATS]
    return {"files": files, "what": what}


def _of(name: str, kind: str, *captured: object) -> str:
    return reverse(name, args=(*captured, kind))


def _asked(request: Any) -> str:
    """The same conditions, filters and order; every page of them."""
    query = request.GET.copy()
    for other in ("p", "e"):
        query.pop(other, None)
    return f"?{query.urlencode()}" if query else ""
