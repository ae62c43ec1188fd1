"""Documents drawn as vectors: the project's sample documents, and pages for benchmarks.

A document is drawn once on a PDF canvas (`drawing.VectorSheet`). The same drawing is a PDF with real text and,
through pdfium, an image, which `degrade` then scans, copies, ages or photographs. No page for training is drawn here:

    from training.synthesis.vector_layouts.pages import VECTOR_LAYOUTS, draw_page

    page = draw_page("receipt", seed=7)                        # an RGB page with the wear of a receipt
    page = draw_page("form", seed=7, condition="clean")        # see degrade.CONDITIONS
    sheet = VECTOR_LAYOUTS["invoice"](random.Random(7), "fr")  # the vectors: sheet.pdf(), sheet.images(dpi=150)

The same seed gives the same pixels on every machine: fonts come from packages, and no code reads the clock.
`python -m training.synthesis --out samples` draws the sample documents (see `samples`).

    pages       a page by its label and seed
    invoice, receipt, form, resume, slides, typewritten, scientific_paper, book_page, handwritten
                the layouts of one label each: functions `(rng, language) -> VectorSheet`
    samples     the sample files
    drawing     the vector canvas
    degrade     wear: scanners, copiers, cameras, age
    strokes     handwriting from strokes
    figures     charts, tables, formulas
    phrases     names, amounts and sentences (from `sentences`)
    typefaces   the fonts, all from packages
"""
