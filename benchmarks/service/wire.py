"""How the servers receive documents and return predictions."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Prediction = Mapping[str, Any]
"""`label`, `confidence` and `probabilities` by label."""

_BOUNDARY: Final = "8a7f2c41d06e4b0f"


@dataclass(frozen=True)
class WireFormat:
    """Path and content type of a request, its body for a document, and the prediction in a response."""

    encode: Callable[[bytes], bytes]
    content_type: str
    path: str = "/predict"
    decode: Callable[[bytes], Prediction] = json.loads


def _base64_json(document: bytes) -> bytes:
    return json.dumps({"content": base64.b64encode(document).decode()}).encode()


def _form(document: bytes) -> bytes:
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="document"; filename="document"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + document + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _inference_request(document: bytes) -> bytes:
    content = base64.b64encode(document).decode()
    tensor = {"name": "document", "shape": [1], "datatype": "BYTES", "data": [content]}
    return json.dumps({"inputs": [{**tensor, "parameters": {"content_type": "base64"}}]}).encode()


def _inference_response(body: bytes) -> Prediction:
    prediction: Prediction = json.loads(json.loads(body)["outputs"][0]["data"][0])
    return prediction


RAW: Final = WireFormat(bytes, "application/octet-stream")
"""The document is the body."""
BASE64_JSON: Final = WireFormat(_base64_json, "application/json")
"""JSON with the document as base64 in `content`."""
FORM: Final = WireFormat(_form, f"multipart/form-data; boundary={_BOUNDARY}")
"""A form with the document as a file."""
OPEN_INFERENCE: Final = WireFormat(
    _inference_request, "application/json", "/v2/models/documents/infer", _inference_response
)
"""The Open Inference Protocol, version 2, with base64 in JSON."""
