"""Pages drawn straight into pixels: nine labels and strangers, plain and quick, left to augmentation to wear out.

invoices      bills, with bills_* and bill_*  sheet   the canvas
receipts      receipts                        writer  a hand with typeface, size and colours
forms         forms, with form_*              fonts   typefaces of the machine by their role
prose         letters and handwriting         words   names, amounts and sentences in several languages
publications  books and papers, with paper_*
decks         slides, with deck_*
cvs           CVs, with cv_*
strangers     kinds of document that no label covers
"""
