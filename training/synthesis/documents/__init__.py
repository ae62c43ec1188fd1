"""Documents drawn as vectors: the project's samples, and pages of every label to learn from.

A document is drawn once on a PDF canvas (`drawing.Sheet`); the same drawing is a PDF with real text and, through
pdfium, an image, which `degrade` then scans, copies, ages or photographs. For training:

    from training.synthesis.documents.pages import KINDS, draw

    page = draw("receipt", seed=7)                      # an RGB page, worn as receipts are
    page = draw("form", seed=7, condition="clean")      # see degrade.CONDITIONS
    sheet = KINDS["invoice"](random.Random(7), "fr")    # the vectors: sheet.pdf(), sheet.images(dpi=150)

The same seed gives the same pixels on every machine, because no font of the machine is used and no clock is asked.
`python -m training.synthesis --out samples` draws the sample documents (see `samples`).

    pages       any page by label and seed          degrade    what happens on the way to the inbox
    samples     the sample files                    drawing    the vector canvas
    invoice, receipt, form, letter, resume,         hand       handwriting from strokes
    paper, slides, book, handwriting:               figures    charts, tables, formulas
                one kind of page each,              phrases    names, amounts and sentences (from prose)
                `draw(rng, language) -> Sheet`      typefaces  the fonts, all from packages
"""
