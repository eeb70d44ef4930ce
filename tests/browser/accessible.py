"""axe-core in a page: what hinders somebody at a screen reader, or who sees little."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# WCAG 2.2, levels A and AA, and what axe-core calls good practice: landmarks, headings, names.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """tags => axe.run(document, {
    runOnly: {type: "tag", values: tags}, resultTypes: ["violations"], elementRef: false,
}).then(results => results.violations.flatMap(rule => rule.nodes.map(node =>
    `${rule.id}: ${node.html.slice(0, 200)} (${node.failureSummary})`)))"""
CONTRAST = """() => axe.run(document, {runOnly: ["color-contrast"], resultTypes: ["violations"]})
    .then(results => results.violations.flatMap(rule => rule.nodes.map(node =>
        `${rule.id}: ${node.html.slice(0, 200)} (${node.failureSummary})`)))"""
# Not the filters, of which one at a time is unfolded, above what it covers.
OPEN = "document.querySelectorAll('details:not(.filter)').forEach(each => each.open = true)"


def inject(page: Page) -> None:
    """Bring axe-core into the page that is open, and unfold what is folded."""
    page.evaluate(AXE_SCRIPT)
    page.evaluate(OPEN)


def violations(page: Page) -> list[str]:
    """Everything, as the page is shown now."""
    found: list[str] = page.evaluate(RUN, TAGS)
    return found


def contrasts(page: Page) -> list[str]:
    """Colours alone: nothing else of a page depends on whether it is dark."""
    found: list[Any] = page.evaluate(CONTRAST)
    return [str(one) for one in found]
