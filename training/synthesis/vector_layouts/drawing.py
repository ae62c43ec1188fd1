"""The vector canvas: PDF pages measured in points from the top left.

A page is drawn once as vectors. The same drawing becomes a PDF with real text and, through pdfium, an image.
"""

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from itertools import pairwise

import pypdfium2  # type: ignore[import-untyped]
from PIL import Image
from reportlab import rl_config
from reportlab.lib.colors import Color, toColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

A4 = (595.0, 842.0)
LETTER = (612.0, 792.0)

BLACK = "#000000"

# Binary streams: ASCII85 encoding takes longer than drawing, and makes files larger.
rl_config.useA85 = 0

Point = tuple[float, float]


@lru_cache(maxsize=512)
def _colour(name: str) -> Color:
    return toColor(name)


class VectorSheet:
    """Pages of one size, `width` x `height` points; x grows to the right and y downwards."""

    def __init__(self, size: tuple[float, float]) -> None:
        self.width, self.height = size
        self._buffer = BytesIO()
        # Invariant: no time stamp and no random id, so that equal drawings are equal bytes.
        self._canvas = Canvas(self._buffer, pagesize=size, invariant=1, pageCompression=1)
        self._closed = False
        self._bottom = self.height

    def new_page(self) -> None:
        """Start another page."""
        self._canvas.showPage()

    def cut(self, y: float) -> None:
        """Cut the page off at y."""
        self._bottom = y
        self._canvas.setCropBox((0, self.height - y, self.width, self.height))

    def describe(self, title: str, author: str) -> None:
        """Set the title and author that a PDF viewer shows."""
        self._canvas.setTitle(title)
        self._canvas.setAuthor(author)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        face: str = "Helvetica",
        size: float = 10.0,
        *,
        align: str = "left",
        color: str = BLACK,
        spacing: float = 0.0,
        stretch: float = 1.0,
        word_spacing: float = 0.0,
    ) -> float:
        """Set one line with its baseline at y.

        Args:
            x: Left edge, right edge or middle of the line, depending on `align`: "left", "right" or "center".
            y: Baseline.
            text: Text of the line.
            face: Name of a face, see `typefaces`.
            size: Body size in points.
            align: Part of the line that x refers to.
            color: Colour as "#rrggbb".
            spacing: Points added after each character.
            stretch: Horizontal scale of the characters.
            word_spacing: Points added at each space.

        Returns:
            The width of the line.
        """
        width = text_width(text, face, size, spacing=spacing, stretch=stretch)
        start = x - {"left": 0.0, "center": width / 2, "right": width}[align]
        line = self._canvas.beginText(start, self.height - y)
        line.setFont(face, size)
        line.setFillColor(_colour(color))
        if spacing:
            line.setCharSpace(spacing)
        if stretch != 1.0:
            line.setHorizScale(stretch * 100)
        if word_spacing:
            line.setWordSpace(word_spacing)
        line.textOut(text)
        # The text state outlives a text object in PDF: restore what was changed.
        if spacing:
            line.setCharSpace(0)
        if stretch != 1.0:
            line.setHorizScale(100)
        if word_spacing:
            line.setWordSpace(0)
        self._canvas.drawText(line)
        return width

    def paragraph(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        face: str = "Helvetica",
        size: float = 10.0,
        *,
        leading: float = 1.25,
        align: str = "left",
        color: str = BLACK,
    ) -> float:
        """Set wrapped text with its first baseline at y.

        Args:
            x: Left edge.
            y: Baseline of the first line.
            width: Width of the lines.
            text: Text of the paragraph.
            face: Name of a face.
            size: Body size in points.
            leading: Distance between lines, as a multiple of the size.
            align: "left", "right", "center" or "justify".
            color: Colour as "#rrggbb".

        Returns:
            The baseline of the line after the paragraph.
        """
        lines = wrap_text(text, face, size, width)
        for number, line in enumerate(lines, 1):
            self.line_of_text(x, y, width, line, face, size, align=align, color=color, last=number == len(lines))
            y += size * leading
        return y

    def line_of_text(
        self,
        x: float,
        y: float,
        width: float,
        line: str,
        face: str,
        size: float,
        *,
        align: str = "justify",
        color: str = BLACK,
        last: bool = False,
    ) -> None:
        """Set one line between x and x + width; the last justified line of a paragraph stays ragged."""
        if align == "justify":
            gaps = line.count(" ")
            rest = width - text_width(line, face, size)
            word_spacing = rest / gaps if gaps and not last and rest < width * 0.4 else 0.0
            self.text(x, y, line, face, size, color=color, word_spacing=word_spacing)
            return
        anchor = x + {"left": 0.0, "center": width / 2, "right": width}[align]
        self.text(anchor, y, line, face, size, align=align, color=color)

    def rule(
        self,
        start: Point,
        end: Point,
        thickness: float = 0.6,
        *,
        color: str = BLACK,
        dash: Sequence[float] = (),
    ) -> None:
        """Draw a straight line."""
        self.path([start, end], thickness, color=color, dash=dash)

    def path(
        self,
        points: Sequence[Point],
        thickness: float = 0.8,
        *,
        color: str = BLACK,
        fill: str | None = None,
        dash: Sequence[float] = (),
    ) -> None:
        """Draw straight lines through the points; close and fill the path if `fill` is given."""
        canvas = self._canvas
        canvas.saveState()
        canvas.setStrokeColor(_colour(color))
        canvas.setLineWidth(thickness)
        canvas.setLineJoin(1)
        if dash:
            canvas.setDash(list(dash))
        if fill is not None:
            canvas.setFillColor(_colour(fill))
        path = canvas.beginPath()
        path.moveTo(points[0][0], self.height - points[0][1])
        for x, y in points[1:]:
            path.lineTo(x, self.height - y)
        if fill is not None:
            path.close()
        canvas.drawPath(path, stroke=int(thickness > 0), fill=int(fill is not None))
        canvas.restoreState()

    def strokes(self, strokes: Sequence[Sequence[Point]], thickness: float, *, color: str = BLACK) -> None:
        """Draw smooth pen strokes of one thickness, each through its points."""
        ink, height = _colour(color), self.height
        # PDF operators, because a handwritten page has a thousand strokes, and a path object for each is slow.
        code = [f"q {ink.red:.3f} {ink.green:.3f} {ink.blue:.3f} RG {thickness:.2f} w 1 J 1 j"]
        for stroke in strokes:
            flipped = [(x, height - y) for x, y in stroke]
            code.append("{:.2f} {:.2f} m".format(*flipped[0]))
            code += ["{:.2f} {:.2f} {:.2f} {:.2f} {:.2f} {:.2f} c".format(*curve) for curve in smooth_curves(flipped)]
        code.append("S Q")
        self._canvas.addLiteral("\n".join(code))

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        border: float = 0.0,
        color: str = BLACK,
        radius: float = 0.0,
    ) -> None:
        """Draw a rectangle with its top left corner at (x, y); `border` is the thickness of its line, 0 for none."""
        canvas = self._canvas
        canvas.saveState()
        if fill is not None:
            canvas.setFillColor(_colour(fill))
        canvas.setStrokeColor(_colour(color))
        canvas.setLineWidth(border)
        bottom = self.height - y - height
        canvas.roundRect(x, bottom, width, height, radius, stroke=int(border > 0), fill=int(fill is not None))
        canvas.restoreState()

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str | None = None,
        border: float = 0.0,
        color: str = BLACK,
    ) -> None:
        """Draw a circle around (x, y)."""
        canvas = self._canvas
        canvas.saveState()
        if fill is not None:
            canvas.setFillColor(_colour(fill))
        canvas.setStrokeColor(_colour(color))
        canvas.setLineWidth(border)
        canvas.circle(x, self.height - y, radius, stroke=int(border > 0), fill=int(fill is not None))
        canvas.restoreState()

    def stamp(self, x: float, y: float, text: str, size: float, degrees: float, color: str) -> None:
        """Print framed text around (x, y), rotated counterclockwise."""
        canvas, width = self._canvas, text_width(text, "Helvetica-Bold", size)
        canvas.saveState()
        canvas.translate(x, self.height - y)
        canvas.rotate(degrees)
        canvas.setStrokeColor(_colour(color))
        canvas.setFillColor(_colour(color))
        canvas.setLineWidth(size / 10)
        canvas.roundRect(-width / 2 - size * 0.4, -size * 0.45, width + size * 0.8, size * 1.5, size * 0.2)
        canvas.setFont("Helvetica-Bold", size)
        canvas.drawCentredString(0, 0, text)
        canvas.restoreState()

    def image(self, x: float, y: float, width: float, height: float, picture: Image.Image) -> None:
        """Place a picture with its top left corner at (x, y)."""
        self._canvas.drawImage(ImageReader(picture), x, self.height - y - height, width, height)

    @property
    def longest(self) -> float:
        """The length of the page's longer side in points."""
        return max(self.width, self._bottom)

    def pdf(self) -> bytes:
        """Close the sheet and return it as a PDF file; equal drawings give equal bytes.

        Call this before `images`, which leaves the last page's stream uncompressed for speed.
        """
        if not self._closed:
            self._canvas.save()
            self._closed = True
        return self._buffer.getvalue()

    def images(self, dpi: float = 150.0) -> list[Image.Image]:
        """Close the sheet and return its pages as RGB images at `dpi` dots per inch."""
        if not self._closed:
            self._canvas.setPageCompression(0)
        document = pypdfium2.PdfDocument(self.pdf())
        try:
            return [page.render(scale=dpi / 72.0).to_pil().convert("RGB") for page in document]
        finally:
            document.close()


def text_width(text: str, face: str, size: float, *, spacing: float = 0.0, stretch: float = 1.0) -> float:
    """Return the width of a line in points."""
    return (float(stringWidth(text, face, size)) + spacing * len(text)) * stretch


def wrap_text(text: str, face: str, size: float, width: float, *, indent: float = 0.0) -> list[str]:
    """Break text into lines no wider than `width` points; the first line is shorter by `indent`."""
    space = text_width(" ", face, size)
    lines: list[str] = []
    words: list[str] = []
    used = indent
    for word in text.split():
        length = text_width(word, face, size)
        if words and used + space + length > width:
            lines.append(" ".join(words))
            words, used = [], 0.0
        used += length + (space if words else 0.0)
        words.append(word)
    if words:
        lines.append(" ".join(words))
    return lines


def smooth_curves(points: Sequence[Point]) -> list[tuple[float, float, float, float, float, float]]:
    """Return the Bezier curves of a Catmull-Rom spline through the points."""
    curves = []
    for index, ((x1, y1), (x2, y2)) in enumerate(pairwise(points)):
        x0, y0 = points[max(index - 1, 0)]
        x3, y3 = points[min(index + 2, len(points) - 1)]
        curves.append((x1 + (x2 - x0) / 6, y1 + (y2 - y0) / 6, x2 - (x3 - x1) / 6, y2 - (y3 - y1) / 6, x2, y2))
    return curves
