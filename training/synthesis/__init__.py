"""Synthetic pages, which vary the layout of labels that have few real documents.

Two packages draw independently of each other:

    raster_layouts   pixels, with the fonts of the machine: pages for training, including out-of-distribution pages
    vector_layouts   vectors on a PDF canvas, then scanned, copied, aged or photographed: the sample files

`training.synthetic` uses the raster layouts. The samples share no code with the pages that versions were trained on,
so that they are classified like other documents of unseen sources.
"""

from faker.providers.address.it_IT import Provider as _Italy

_Italy.cities.sort()  # faker collects them in a set, whose order differs between processes
