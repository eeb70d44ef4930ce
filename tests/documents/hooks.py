"""What MkDocs does besides: README.md and CHANGELOG.md become pages of the site.

The pages are written for who reads them in a checkout or at a git host; only their links are
turned here, so that they lead somewhere in both places.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changes.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie beside docs/."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Turn the links of each page."""
    return turned(markdown)


def turned(markdown: str) -> str:
    """Links between docs/ and its parent, as they are within the site.

    A page that is only named, such as `docs/restart.md`, becomes a link.
    """
    text = re.sub(r"\]\((?:docs/|\.\./)([^)]+)\)", r"](\1)", markdown)
    for source, page in PAGES.items():
        text = text.replace(f"]({source}", f"]({page}")
    text = re.sub(r"^\|.*$", lambda row: _unescaped(row[0]), text, flags=re.MULTILINE)
    return re.sub(r"(?<![\w/`])docs/(([\w-]+)\.md)(?!`)", r"[\2](\1)", text)


def _unescaped(row: str) -> str:
    """A row of a table: git hosts want a bar in code escaped, MkDocs would show the escape."""
    return re.sub(r"`[^`]*`", lambda code: code[0].replace("\\|", "|"), row)
