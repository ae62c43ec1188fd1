"""The model service behind the hooks of SageMaker's PyTorch images (legacy).

AWS patched the last of these images, which contain TorchServe, on 2026-06-30. This module exists for endpoints that run
already; new ones should use the service's own image or Ray Serve (docs/hosting.md).

The toolkit of the images calls `model_fn` once for each process, then `input_fn`, `predict_fn` and `output_fn` for each
request. Decoding, contract and errors are the service's. If the package has a TorchScript file, which `triptych train
--torchscript` writes, torch computes the logits; otherwise the service's engine does.
"""

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sagemaker_inference.errors import GenericInferenceToolkitError

from decoding.errors import DocumentError
from decoding.isolation.pool import DecoderPool
from model_service import manifest
from model_service.body import extract_document
from model_service.classifier import Classification, Classifier
from model_service.engine import Scores, ScoringModel, load_model, score_pages
from model_service.errors import ServiceError
from model_service.manifest import Manifest
from model_service.orientation import load_orienter
from model_service.problems import status_code
from model_service.settings import ServiceSettings

TORCHSCRIPT: Final = "model.pt"

_CLASSIFICATION: Final = TypeAdapter(Classification)


class TorchScriptModel:
    """A version that torch computes. Safe to call from several threads.

    It has no norms of features, so no document is unfamiliar to it.

    Args:
        description: The version's manifest.
        file: The TorchScript file. Load only files that you wrote: it contains code.
    """

    def __init__(self, description: Manifest, file: Path) -> None:
        import torch  # not part of other images

        self.manifest: Final = description
        self._torch: Final = torch
        self._module: Final = torch.jit.load(str(file), map_location="cpu").eval()  # type: ignore[no-untyped-call]

    def assess(self, pages: NDArray[np.uint8], *, alone: bool = False) -> Scores:  # noqa: ARG002 -- as the engine's
        """Return the scores of a document, see `model_service.engine.Model.assess`."""
        with self._torch.inference_mode():
            logits = self._module(self._torch.from_numpy(pages)).numpy()
        return score_pages(self.manifest, logits.astype(np.float64))


def model_fn(model_dir: str) -> Classifier:
    """Load the version of a package.

    Args:
        model_dir: Folder of the package. The environment variable MODELS names the version; by default, the first.

    Raises:
        ModelLoadError: If the version cannot be served.
        SettingsError: If a setting of the service, such as MAX_PAGES, is invalid.
    """
    folders = sorted((Path(model_dir) / "models").iterdir())
    version = os.environ.get("MODELS") or folders[0].name
    folder = Path(model_dir) / "models" / version
    settings = ServiceSettings.from_environment()
    decoders = DecoderPool(1)
    orient = load_orienter(concurrency=1)
    decoders.wait_until_ready()
    return Classifier({version: _load(folder)}, settings.limits, decoders, orient)


def _load(folder: Path) -> ScoringModel:
    file = folder / TORCHSCRIPT
    return TorchScriptModel(manifest.load(folder), file) if file.exists() else load_model(folder)


def input_fn(body: bytes | str, content_type: str | None) -> bytes:
    """Return the document in a request: raw bytes, a form, or base64 in JSON.

    Raises:
        GenericInferenceToolkitError: With status 400, if there is no document in it.
    """
    content = body.encode() if isinstance(body, str) else bytes(body)  # the toolkit decodes some media types to text
    try:
        return extract_document(content, content_type or "")
    except ServiceError as error:
        raise _toolkit_error(error) from error


def predict_fn(document: bytes, classifier: Classifier) -> Classification:
    """Classify a document.

    Raises:
        GenericInferenceToolkitError: With the status of the service's API, if the document cannot be read.
    """
    try:
        return classifier.classify(document, classifier.model(None))
    except DocumentError as error:
        raise _toolkit_error(error) from error


def output_fn(classification: Classification, accept: str) -> tuple[bytes, str]:  # noqa: ARG001 -- always JSON
    """Return the response of the service's API, and its media type."""
    return _CLASSIFICATION.dump_json(classification), "application/json"


def _toolkit_error(error: ServiceError | DocumentError) -> GenericInferenceToolkitError:
    """Return the toolkit's error with the status, the title and the detail of a problem."""
    return GenericInferenceToolkitError(status_code(type(error)), f"{error.problem}: {error}", error.title)
