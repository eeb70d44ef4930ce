"""`./ccxsec docs`: the documentation as a site, in `site/`, without network.

`--check` builds it where nothing is kept. Either way a link that leads nowhere, a page that no menu
names, or anything that would be fetched from another host ends it with a sentence and status 1.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "site"
FETCHED_BY = {"script", "link", "img", "iframe", "source", "video", "audio", "embed", "form"}
ADDRESS = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:url\(|@import)\s*[\"']?((?:[a-z]+:)?//[^\s\"')]+)", re.IGNORECASE)


def build(folder: Path, root: Path = ROOT) -> None:
    """Write the site of `root` into `folder`; ends where a page is not as it should be."""
    # The first silences an advertisement of the theme.
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    # Not with --quiet: it silences the warnings before --strict has counted them.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stderr}The site was not built: mend what the lines above say.")
    foreign = [f"{page.relative_to(folder)}: {place}" for page, place in foreign_places(folder)]
    if foreign:
        sys.exit("\n".join(["The site would fetch from other hosts:", *foreign]))


def foreign_places(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file of the site and what it would have a reader fetch from another host."""
    for page in sorted(folder.rglob("*.html")):
        yield from ((page, place) for place in fetched(page.read_text()) if ADDRESS.match(place))
    for style in sorted(folder.rglob("*.css")):
        yield from ((style, place) for place in IN_STYLE.findall(style.read_text()))


def fetched(page: str) -> list[str]:
    """What a browser asks for by itself when it shows `page`, and where a form would send to."""
    reader = _Reader()
    reader.feed(page)
    return reader.places


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in FETCHED_BY:
            return
        for name, value in attrs:
            if name in {"src", "href", "action", "poster"}:
                self.places.append(value or "")
            elif name == "srcset":
                self.places += [
                    each.split()[0] for each in (value or "").split(",") if each.strip()
                ]


def main() -> None:
    """Build it to be kept, or with `--check` only to see that it can be."""
    if "--check" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
        return
    build(SITE)
    print(f"The documentation is at {SITE / 'index.html'}; open it in a browser.")


if __name__ == "__main__":
    main()
