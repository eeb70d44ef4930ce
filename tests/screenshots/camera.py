"""Takes a page of the product as a picture of the documentation."""

from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image
from playwright.sync_api import Page

from tests.product import ROOT, Product

WIDTH = 1280
MOST = 120_000  # bytes of a picture
# Pages show where an installation has its files, not where this one has them.
RENAME = """renamed => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode())
        for (const [from, to] of renamed)
            walker.currentNode.data = walker.currentNode.data.replaceAll(from, to);
    for (const field of document.querySelectorAll("input"))
        for (const [from, to] of renamed)
            if (field.value.includes(from)) field.value = field.value.replaceAll(from, to);
}"""


@dataclass
class Camera:
    """A browser that is signed in to a product.

    Args:
        renamed: texts of the demonstration, and what stands in the pictures for them.
    """

    page: Page
    product: Product
    renamed: dict[str, str] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page below /admin/."""
        answer = self.page.goto(f"{self.product.url}/admin/{path}")
        if answer is None or not answer.ok:
            raise SystemExit(f"{path} answers {answer and answer.status}")

    def run(self, *words: str, given: str = "") -> str:
        """A command of the product; what it says."""
        done = self.product.run(*words, given=given)
        if done.returncode:
            raise SystemExit(f"{words}: {done.stderr}")
        return done.stdout

    def each(self, *lines: list[str]) -> None:
        """Several commands in one process, which is quicker."""
        code = f"from django.core.management import call_command as c\n[c(*w) for w in {lines!r}]"
        self.run("shell", "--no-imports", "-v", "0", "-c", code)

    def fill(self, function: str) -> None:
        """Run a function of `tests.screenshots.fill` inside the product."""
        code = f"from tests.screenshots import fill; fill.{function}()"
        self.run("shell", "--no-imports", "-v", "0", "-c", code)

    def take(self, name: str, height: int, path: str | None = None) -> None:
        """Write docs/NAME.png, `height` pixels high, of a page or of what is open."""
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        if path is not None:
            self.go(path)
        self.page.evaluate(RENAME, list(self.renamed.items()))
        self.page.mouse.move(0, 0)
        content = small(self.page.screenshot(animations="disabled", caret="hide"))
        if len(content) > MOST:
            raise SystemExit(f"{name}.png has {len(content):,} bytes: show less.")
        (ROOT / "docs" / f"{name}.png").write_bytes(content)
        self.taken.append(name)


def small(png: bytes) -> bytes:
    """The picture with a palette of its 256 best colours."""
    with Image.open(BytesIO(png)) as picture, BytesIO() as out:
        flat = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        flat.save(out, "PNG", optimize=True)
        return out.getvalue()
