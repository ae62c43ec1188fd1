"""Synthetic pages, which vary the layout of labels that have few real documents.

Two packages draw independently of each other, so that a model cannot learn the peculiarities of one of them:

    vector_layouts   vectors on a PDF canvas, then scanned, copied, aged or photographed; also the sample files
    raster_layouts   pixels, with the fonts of the machine; also out-of-distribution pages

`training.synthetic` mixes them. Synthetic pages are used for training only, never for evaluation.
"""

from faker.providers.address.it_IT import Provider as _Italy

_Italy.cities.sort()  # faker collects them in a set, whose order differs between processes
