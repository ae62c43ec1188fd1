"""Pages that the project draws itself, where real documents are few: variety of layout is what they are for.

Two packages draw independently of each other, because one hand's habits are a shortcut of their own:

    documents   vectors on a PDF canvas, then scanned, copied, aged or photographed; also the sample files
    sketches    pixels at once, plain and quick, with the machine's own typefaces; also kinds that no label covers

`training.synthetic` mixes them. What is drawn is only ever learnt from: nothing is measured on it.
"""

from faker.providers.address.it_IT import Provider as _Italy

_Italy.cities.sort()  # faker gathers them in a set, whose order differs from process to process
