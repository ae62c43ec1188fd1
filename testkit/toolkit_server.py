"""`python -m testkit.toolkit_server PACKAGE`: SageMaker's inference toolkit on a package, on the port in PORT.

In SageMaker's PyTorch images, a model server written in Java passes requests to the toolkit, which calls the hooks of
the package. This server takes its place: it is as small as possible, and everything behind it is the real toolkit.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from sagemaker_inference.default_handler_service import DefaultHandlerService


class RequestContext:
    """Properties of a request, which the model server sets, and of the response, which the toolkit sets.

    Args:
        package: Folder of the package.
        headers: Headers of the request.
    """

    def __init__(self, package: str, headers: dict[str, str]) -> None:
        self.system_properties: Final = {"model_dir": package}
        self.request_processor: Final = [self]
        self.headers: Final = headers
        self.status = 200
        self.content_type = "text/plain"

    def get_request_properties(self) -> dict[str, str]:
        """Return the headers of the request."""
        return self.headers

    def set_response_status(self, code: int, phrase: str) -> None:  # noqa: ARG002 -- HTTP needs no phrase
        """Set the status of the response."""
        self.status = int(code)

    def set_response_content_type(self, index: int, value: str) -> None:  # noqa: ARG002 -- one document per request
        """Set the media type of the response."""
        self.content_type = value


def create_server(package: str, host: str, port: int) -> HTTPServer:
    """Load the package with the toolkit, and return a server for it."""
    service = DefaultHandlerService()
    service.initialize(RequestContext(package, {}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # called by http.server
            self._respond(200 if self.path == "/ping" else 404, "text/plain", b"")

        def do_POST(self) -> None:  # called by http.server
            body = self.rfile.read(int(self.headers["Content-Length"]))
            context = RequestContext(package, dict(self.headers.items()))
            [response] = service.handle([{"body": body}], context)
            content = response if isinstance(response, bytes) else response.encode()
            self._respond(context.status, context.content_type, content)

        def _respond(self, status: int, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return HTTPServer((host, port), Handler)


if __name__ == "__main__":
    create_server(sys.argv[1], os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])).serve_forever()
