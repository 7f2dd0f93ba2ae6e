"""What a section of the report is made of."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Paragraph:
    """A sentence or some, in plain text."""

    kind: ClassVar[str] = "paragraph"
    text: str
    role: str = "body"
    """``body``, ``note`` (small), ``lead`` (large) or ``warning``."""


@dataclass(frozen=True)
class Heading:
    """A heading below that of the section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences, with an optional term before each."""

    kind: ClassVar[str] = "items"
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table; it scrolls sideways by itself where the page is too narrow.

    Attributes
    ----------
    caption : str
        What it shows, of how many.
    head : tuple of str
        Names of the columns.
    rows : tuple of tuple of str
        Cells, as they are read.
    swatches : tuple of str
        Colour before the first cell of each row; empty for none.
    text_columns : tuple of int
        Columns that hold sentences and may wrap.
    """

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    swatches: tuple[str, ...] = ()
    text_columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes
    ----------
    name : str
        Its file is called so.
    svg : str
        `gliomics.reporting.figures.style.to_svg`.
    caption : str
        What is on the axes and of how many cases.
    alt : str
        What it shows, for those who cannot see it.
    """

    kind: ClassVar[str] = "figure"
    name: str
    svg: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Figures:
    """Figures that stand beside each other where there is room."""

    kind: ClassVar[str] = "figures"
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Folded:
    """Something long that opens at a click, and is open in print."""

    kind: ClassVar[str] = "folded"
    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Picture:
    """A picture of a gallery.

    Attributes
    ----------
    title : str
        Above it.
    content : bytes
        A WebP file.
    caption : str
        Below it.
    alt : str
        What it shows, for those who cannot see it.
    """

    title: str
    content: bytes
    caption: str
    alt: str

    @property
    def source(self) -> str:
        """The picture as an address that needs no file and no network."""
        return f"data:image/webp;base64,{b64encode(self.content).decode('ascii')}"


@dataclass(frozen=True)
class GalleryEntry:
    """What the picker of a gallery offers: a case and its pictures, or why it has none."""

    label: str
    text: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Gallery:
    """Cases of which one is shown at a time, chosen from a list.

    Attributes
    ----------
    name : str
        Address of the list in the page.
    prompt : str
        Before the list.
    entries : tuple of GalleryEntry
        At least one; the first is shown at the beginning.
    """

    kind: ClassVar[str] = "gallery"
    name: str
    prompt: str
    entries: tuple[GalleryEntry, ...]


Block = Paragraph | Heading | Items | Table | Figure | Figures | Folded | Gallery


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes
    ----------
    anchor : str
        Its address in the page.
    title : str
        Its heading, also in the table of contents.
    blocks : tuple of Block
        In the order of the page.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]

    def figures(self) -> list[Figure]:
        """Every figure of the section, in order."""
        return _figures(self.blocks)


def figures_beside(*figures: Figure | None) -> tuple[Figures, ...]:
    """Put the figures that could be drawn beside each other; nothing when there is none."""
    drawn = tuple(figure for figure in figures if figure is not None)
    return (Figures(drawn),) if drawn else ()


def _figures(blocks: tuple[Block, ...]) -> list[Figure]:
    found: list[Figure] = []
    for block in blocks:
        if isinstance(block, Figure):
            found.append(block)
        elif isinstance(block, Figures):
            found += block.figures
        elif isinstance(block, Folded):
            found += _figures(block.blocks)
    return found
