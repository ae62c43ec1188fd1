"""PDF files with form fields, annotations and other structures, written object by object."""

from collections.abc import Sequence
from typing import Final

BLANK: Final = ""
_FONT: Final = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Name/F/Encoding/WinAnsiEncoding>>"
_DINGBATS: Final = "<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats/Name/ZaDb>>"
_RESOURCES: Final = "<</Font<</F 5 0 R/ZaDb 6 0 R>>>>"


def write_pdf(objects: Sequence[str]) -> bytes:
    """Write a PDF of these objects, numbered from 1; the first is the catalog."""
    file, offsets = "%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n"
    entries = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    file += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{entries}"
    file += f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{file.index('xref')}\n%%EOF"
    return file.encode("latin-1")


def stream(content: str, entries: str = "") -> str:
    """Return a stream object."""
    return f"<<{entries}/Length {len(content)}>>stream\n{content}\nendstream"


def appearance(content: str, box: str) -> str:
    """Return an appearance stream."""
    return stream(content, f"/Type/XObject/Subtype/Form/BBox[{box}]/Resources{_RESOURCES}")


def one_page(
    content: str = BLANK,
    annotations: Sequence[str] = (),
    *,
    form: str | None = None,
    catalog: str = "",
    further: Sequence[str] = (),
) -> bytes:
    """Write a PDF of one A4 page.

    Args:
        content: Operators of the page.
        annotations: Its annotations, objects 7 and following.
        form: Further entries of the AcroForm, whose fields are all annotations; None for no form.
        catalog: Further entries of the catalog.
        further: Objects after the annotations.
    """
    numbers = " ".join(f"{7 + index} 0 R" for index in range(len(annotations)))
    acro_form = f"/AcroForm<</Fields[{numbers}]/DR{_RESOURCES}{form}>>" if form is not None else ""
    return write_pdf(
        [
            f"<</Type/Catalog/Pages 2 0 R{acro_form}{catalog}>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources{_RESOURCES}/Annots[{numbers}]>>",
            stream(content),
            _FONT,
            _DINGBATS,
            *annotations,
            *further,
        ]
    )


def widget(field: str, rectangle: str = "100 600 400 660") -> str:
    """Return a widget annotation that is also its field."""
    return f"<</Type/Annot/Subtype/Widget/F 4/P 3 0 R/Rect[{rectangle}]{field}>>"


def show(text: str, *, size: int = 12, x: int = 60, y: int = 700) -> str:
    """Return the operators that show a line of text."""
    return f"BT /F {size} Tf {x} {y} Td ({text}) Tj ET "
