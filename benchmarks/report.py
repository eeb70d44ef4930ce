"""What a benchmark hands back: tables, for people and as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures; a column's name says its unit. None: there is no such figure."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]

    def as_text(self) -> str:
        """Aligned columns: words to the left, figures to the right."""
        lines = [self.columns, *(tuple(map(_shown, row)) for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        is_words = [all(isinstance(row[i], str) for row in self.rows) for i in range(len(widths))]
        body = [_aligned(line, widths, is_words) for line in lines]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([self.title, "", body[0], rule, *body[1:], ""])

    def as_json(self) -> dict[str, object]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows}


def _aligned(line: Iterable[str], widths: list[int], is_words: list[bool]) -> str:
    cells = [
        cell.ljust(width) if words else cell.rjust(width)
        for cell, width, words in zip(line, widths, is_words, strict=True)
    ]
    return "  ".join(cells).rstrip()


def _shown(cell: Cell) -> str:
    """Three figures that count; a hundred milliseconds need no fraction."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        places = 0 if cell >= 100 else 1 if cell >= 10 else 2
        return f"{cell:,.{places}f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
