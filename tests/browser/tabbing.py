"""Tabbing through the part of a page that is its own, and what each stop looks like."""

from playwright.sync_api import Page

MAIN = "#content-start"
SPARE = 15  # more stops than controls: a date has several, and what scrolls is a stop, too
# Remembers each control that gets the focus, and those that look the same with it as without.
WATCH = """() => {
    const main = document.querySelector("#content-start");
    const shown = (each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled;
    const group = (each) => each.type === "radio" ? each.name : each;
    const all = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    window.controls = new Set([...main.querySelectorAll(all)].filter(shown).map(group));
    window.unseen = [];
    main.addEventListener("focusin", (event) => {
        const look = getComputedStyle(event.target);
        window.controls.delete(group(event.target));
        if (look.outlineStyle === "none" || parseFloat(look.outlineWidth) < 2)
            window.unseen.push(`no outline: ${event.target.outerHTML.slice(0, 160)}`);
    });
    return window.controls.size;
}"""
LEFT = """() => [...window.unseen,
    ...[...window.controls].map(each => `not reached: ${each.outerHTML?.slice(0, 160) ?? each}`)]"""
IS_INSIDE = "document.querySelector('#content-start').contains(document.activeElement)"
# Where no control has the focus yet, also on a page that gives it to a field by itself.
BEGIN = """() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
}"""
NAME = """() => {
    const at = document.activeElement;
    return (at.ariaLabel || at.labels?.[0]?.textContent || at.textContent).trim();
}"""


def hindrances(page: Page) -> list[str]:
    """Go to the content by the skip link, then by Tab to its end; what was not as it should be."""
    page.evaluate(BEGIN)
    page.keyboard.press("Tab")
    if page.evaluate(NAME) != "Skip to main content":
        return ["the first stop is no skip link"]
    page.keyboard.press("Enter")
    for _ in range(page.evaluate(WATCH)):
        page.keyboard.press("Tab")
    for _ in range(SPARE):
        if not page.evaluate("window.controls.size") and not page.evaluate(IS_INSIDE):
            break
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate(LEFT)
    return [*found, "a trap: Tab does not leave the content"] if page.evaluate(IS_INSIDE) else found


def tab_to(page: Page, name: str, most: int = 80) -> None:
    """Press Tab until the control of that name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(NAME) == name:
            return
    raise AssertionError(f"{most} times Tab, and never at {name!r}")
