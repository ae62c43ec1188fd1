"""The console: a local web app on the table and the bucket, with the credentials of the person who started it.

    security     who may ask: loopback's own name, the key of this start, pages of the console itself
    access       the stack behind it, found when it is there and found again when it changed
    troubles     what can be wrong with that, told with what to do
    pictures     page images, decoded in processes of their own
    views        records as pages show them
    live, document, review, versions    the four pages
    app          all of it, as one ASGI application

Server-rendered; htmx replaces parts of a page, and static/console.js does what HTML cannot.
"""
