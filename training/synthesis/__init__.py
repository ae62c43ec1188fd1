"""Synthetic pages: for training, and the sample documents.

Pages for training are drawn in pixels on one canvas, in layouts that vary at random. `training.synthetic` uses them:

    invoices, receipts, forms, cvs, prose, books, papers    layouts of the labels, one module a kind of document
    ood_pages, ood_documents, ood_pictures                  out-of-distribution pages
    sheet                                                   the canvas
    fonts                                                   typefaces by role, all from packages

The samples are typeset with Typst and then scanned, copied or photographed. They share no drawing code with the pages
that versions were trained on, so that they are classified like other documents of unseen sources:

    samples     the sample files
    typeset     documents from `templates/*.typ` and made-up content
    wear        scanners, copiers, cameras, age

Both take names, amounts and sentences from `words`.
"""

from faker.providers.address.it_IT import Provider as _Italy

_Italy.cities.sort()  # faker collects them in a set, whose order differs between processes
