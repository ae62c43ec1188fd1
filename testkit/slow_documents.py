"""Documents that take much longer to decode than ordinary ones."""

import random
from typing import Final

_SIDE: Final = 595


def slow_pdf(shapes: int = 5_000, seed: int = 0) -> bytes:
    """Write a PDF of one page of translucent curves, each filled over the whole page.

    A page is one step of decoding, which cannot be interrupted between shapes.

    Args:
        shapes: Number of curves; 1,000 take about half a second.
        seed: Selects the curves.
    """
    random_numbers = random.Random(seed)
    lines = ["/G gs"]
    for _ in range(shapes):
        points = " ".join(str(random_numbers.randrange(_SIDE)) for _ in range(6))
        lines.append(f"0.9 0.9 1 rg 0 0 m {points} c {_SIDE} {_SIDE} l f")
    content = "\n".join(lines)
    bodies = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {_SIDE} {_SIDE}]/Contents 4 0 R"
        "/Resources<</ExtGState<</G<</ca 0.05>>>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
    ]
    file, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n"
    entries = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    file += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{entries}"
    file += f"trailer<</Size {len(bodies) + 1}/Root 1 0 R>>\nstartxref\n{file.index('xref')}\n%%EOF"
    return file.encode()
