"""BentoML. `python -m bentoml serve benchmarks.service.peers.bentoml_app:Documents`.

As it comes, documents are files of a multipart form, as in its tutorials; tuned, the raw body.
"""

from pathlib import Path
from typing import Annotated, Any

import bentoml

from benchmarks.service.peers.classify import classify, configured_classifier, configured_way, worker_count

_AnyFile = Annotated[Path, bentoml.validators.ContentType("application/octet-stream")]


class _Classifying:
    def __init__(self) -> None:
        self._classifier = configured_classifier()


class FormDocuments(_Classifying):
    """Receives a form."""

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, document: _AnyFile) -> dict[str, Any]:
        """Classify a document."""
        return classify(self._classifier, document.read_bytes())


class RawDocuments(_Classifying):
    """Receives the document as the body."""

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, document: _AnyFile, /) -> dict[str, Any]:
        """Classify a document."""
        return classify(self._classifier, document.read_bytes())


Documents = bentoml.service(workers=worker_count())(FormDocuments if configured_way() == "tutorial" else RawDocuments)
