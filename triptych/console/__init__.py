"""The console: a local web app for a stack, with the AWS credentials of the user who starts it.

    security                          accepts requests of this user's browser only
    access                            connects to the stack, and reconnects when it changed
    error_explanations                explains errors and what to do
    pictures                          page images, decoded in isolated processes
    views, filters                    view models and template filters; the filter of the Live page
    review_session                    state of a review
    live, document, review, versions  the four pages
    app                               all of it as one ASGI application

Pages are rendered on the server. htmx replaces parts of a page, and static/console.js adds what HTML lacks.
"""
