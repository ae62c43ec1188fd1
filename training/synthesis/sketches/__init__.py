"""Pages drawn straight into pixels: nine labels and strangers, plain and quick, left to augmentation to wear out.

business      invoices and receipts           sheet   the canvas
forms         forms                           fonts   typefaces of the machine by their role
prose         letters and handwriting         words   names, amounts and sentences in several languages
publications  books and papers
decks         slides and CVs
strangers     kinds of document that no label covers
"""
