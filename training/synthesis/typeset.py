"""Documents typeset with Typst, from templates and made-up content: the sample documents, and pages for benchmarks.

No page for training is drawn here, so that versions classify the samples like other documents of unseen sources. The
same content gives the same bytes on every machine: fonts come from packages, and no template reads the clock.
"""

import io
import json
from datetime import timedelta
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import typst
from PIL import Image

from training.synthesis.words import LAST_DAY, Words

TEMPLATES = Path(__file__).parent / "templates"
"""One template a layout; `common.typ` is imported by all."""

_FONTS = (
    "font-lato",
    "font-source-sans-pro",
    "fontpkg-eb-garamond",
    "fontpkg-ibm-plex-mono",
    "fontpkg-kalam",
    "fontpkg-zeyada",
)
_ACCENTS = ("#1f4e79", "#7a1f2b", "#2f6b3a", "#333333", "#8a5a00", "#4b2e83", "#00707a")
_TERMS = {
    "en": {
        "invoice": "Invoice", "to": "Bill to", "number": "Invoice no.", "date": "Date", "due": "Due",
        "columns": ["Description", "Qty", "Price", "Amount"], "net": "Subtotal", "tax": "VAT", "total": "Total",
        "payment": "Payment", "thanks": "Thank you for your business.", "address": "Address", "stamp": "PAID",
        "signature": "Signature", "contact": "Contact", "skills": "Skills", "languages": "Languages",
        "profile": "Profile", "experience": "Experience", "education": "Education",
    },
    "fr": {
        "invoice": "Facture", "to": "Facturé à", "number": "Facture n°", "date": "Date", "due": "Échéance",
        "columns": ["Désignation", "Qté", "Prix", "Montant"], "net": "Total HT", "tax": "TVA", "total": "Total TTC",
        "payment": "Règlement", "thanks": "Merci de votre confiance.", "address": "Adresse", "stamp": "PAYÉ",
        "signature": "Signature",
    },
}  # fmt: skip


def typeset_pdf(template: str, content: dict[str, Any]) -> bytes:
    """Return the document as a PDF with text.

    Args:
        template: Name of a template, without its suffix.
        content: What `document_content` returns.
    """
    return bytes(typst.compile(_template(template), format="pdf", **_options(content)))


def typeset_page(template: str, content: dict[str, Any], dpi: float) -> Image.Image:
    """Return the first page of the document as an RGB image."""
    drawn = typst.compile(_template(template), format="png", ppi=dpi, **_options(content))
    first = drawn if isinstance(drawn, bytes) else drawn[0]
    return Image.open(io.BytesIO(first)).convert("RGB")


def document_content(seed: int, language: str = "en") -> dict[str, Any]:
    """Return names, dates, amounts and prose for any template.

    Args:
        seed: Determines everything.
        language: `en`, `fr` or `de`.
    """
    rng = np.random.default_rng((seed, *language.encode()))
    words = Words(rng, {"en": "en_GB", "fr": "fr_FR", "de": "de_DE"}[language])
    items, net = _items(words)
    issued = LAST_DAY - timedelta(days=int(rng.integers(60, 900)))
    return {
        "seed": seed,
        "page": 1,
        "terms": _TERMS.get(language, _TERMS["en"]),
        "accent": words.one_of(*_ACCENTS),
        "sans": words.one_of("Lato", "Source Sans Pro"),
        "hand": words.one_of("Zeyada", "Kalam"),
        "company": words.firm(),
        "address": words.address()[-2:],
        "person": words.person(),
        "client": words.person(),
        "client_address": words.address()[-2:],
        "phone": words.fake.phone_number(),
        "email": words.fake.email(),
        "number": words.number(8),
        "iban": words.number(18),
        "dates": [day.strftime("%d.%m.%Y") for day in (issued, issued + timedelta(days=30))],
        "items": items,
        "net": f"{net:.2f}",
        "tax": f"{net * 0.2:.2f}",
        "total": f"{net * 1.2:.2f}",
        "title": words.phrase(3, 6),
        "words": [words.phrase(1, 1) for _ in range(12)],
        "sentences": [words.sentence(9) for _ in range(12)],
        "paragraphs": [words.paragraph(90) for _ in range(12)],
        "values": rng.integers(4, 30, 8).tolist(),
        "jobs": [_job(words) for _ in range(5)],
    }


def _items(words: Words) -> tuple[list[list[str]], float]:
    """Return the rows of a bill (description, quantity, price, amount) and their sum."""
    rows, total = [], 0.0
    for _ in range(int(words.rng.integers(4, 9))):
        quantity, price = int(words.rng.integers(1, 9)), round(float(words.rng.uniform(2, 80)), 2)
        rows.append([words.phrase(2, 4), str(quantity), f"{price:.2f}", f"{quantity * price:.2f}"])
        total += quantity * price
    return rows, total


def _job(words: Words) -> dict[str, Any]:
    start = int(words.rng.integers(1995, 2020))
    return {
        "title": words.fake.job(),
        "company": words.firm(),
        "city": words.fake.city(),
        "years": f"{start} - {start + 3}",
        "tasks": [words.phrase(6, 12) for _ in range(3)],
    }


def _template(name: str) -> str:
    return str(TEMPLATES / f"{name}.typ")


def _options(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "sys_inputs": {"data": json.dumps(content)},
        "font_paths": list(_font_folders()),
        "ignore_system_fonts": True,
        "timestamp": 0,
    }


@cache
def _font_folders() -> tuple[str, ...]:
    """Return the folders of the packages with fonts."""
    return tuple(
        sorted({str(Path(str(file.locate())).parent) for name in _FONTS for file in distribution(name).files or ()
                if file.suffix in (".ttf", ".otf")})
    )  # fmt: skip
