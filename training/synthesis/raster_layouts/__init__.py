"""Pages drawn as pixels: simple layouts of all nine labels, and out-of-distribution pages.

Training augments them; unlike vector pages, most are drawn without wear.

invoices      bills, with bills_* and bill_*     sheet   the canvas
receipts      receipts                           writer  writes with a typeface, size and colours
forms         forms, with form_*                 fonts   fonts of the machine by their role
prose         typewriting and handwriting        words   names, amounts and sentences in several languages
publications  books and papers, with paper_*
decks         slides, with deck_*
cvs           CVs, with cv_*
ood_pages     out-of-distribution pages, with ood_*
"""
