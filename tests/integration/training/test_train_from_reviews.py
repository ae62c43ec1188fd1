"""Protects: a version can be trained from reviewers' labels. Bucket and table are moto's; all other parts are real."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from PIL import Image
from typer.testing import CliRunner

from decoding.limits import Limits
from model_service.classifier import Classifier
from model_service.engine import load_model
from records.labels import NONE_OF_THESE
from records.table import RecordTable
from testkit.template import table_definition
from tests.support.flowers import RECIPE, write_flowers
from tests.support.small_architecture import SMALL, small_architecture
from tests.support.uploads import prediction, record, upload
from triptych.cli import app
from triptych.errors import UsageError
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.connection import StackConnection

LABELS = ("daisy", "rose", "sunflower")


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[StackConnection]:
    """Connect the command to a bucket and a table of moto, and let recipes name the architecture `small`."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    with mock_aws(), small_architecture():
        session.client("s3").create_bucket(Bucket="inbox")
        session.client("s3").put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        session.resource("dynamodb").create_table(**table_definition("records"))
        conn = StackConnection("moto", "inbox", "records", "orchestrator", "", session)
        monkeypatch.setattr(connection, "connect", lambda _: conn)
        yield conn


def _store(stack: StackConnection, key: str, body: bytes) -> tuple[str, str]:
    """Store a document and a record in which every version predicts a rose; return the key of the record."""
    version_id = stack.s3.put_object(Bucket="inbox", Key=key, Body=body)["VersionId"]
    rose = prediction("rose", 0.5, probabilities={"rose": 0.5, "daisy": 0.3, "sunflower": 0.2})
    event = upload(key, bucket="inbox", version_id=version_id)
    RecordTable(stack.table).save(record({"v1": rose, "v2": rose}, of=event), replacing=None)
    return event.document, event.sort_key


@pytest.mark.slow
def test_version_is_trained_from_reviewers_labels(
    stack: StackConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reviews = Reviews(stack.table)
    for file in sorted(write_flowers(tmp_path / "pictures", each=10).glob("*/*.png")):
        key = _store(stack, f"{file.stem}.jpg", file.read_bytes())  # with a wrong suffix, as in real uploads
        reviews.label(*key, file.parent.name, "ann")
    _store(stack, "never-labelled.png", b"\x89PNG\r\n\x1a\n cut short")
    noise = BytesIO()
    Image.effect_noise((64, 64), 90).save(noise, "PNG")
    reviews.label(*_store(stack, "noise.png", noise.getvalue()), NONE_OF_THESE, "ann")
    recipe = RECIPE.replace("resnet18", SMALL).replace("1e-3", "5e-3").replace("epochs = 3", "epochs = 8")
    Path("small.toml").write_text(f'version = "v4"\n{recipe}')

    result = CliRunner().invoke(app, ["train", "v4", "--from-reviews", "--recipe", "small.toml", "--threads", "1"])
    assert result.exception is None, result.output
    message = "30 labelled documents are in reviewed; 1 labelled none-of-these in a hidden folder"
    assert message in " ".join(result.stderr.split())
    model = load_model(Path("models") / "v4")
    assert tuple(model.manifest.labels) == LABELS
    assert model.manifest.training["licences"] == ["your own"]
    classifier = Classifier({"v4": model}, Limits())
    unseen = (write_flowers(tmp_path / "unseen", each=11) / "sunflower" / "sunflower-10.png").read_bytes()
    assert classifier.classify(unseen, model).label == "sunflower"


def test_training_without_data_is_rejected() -> None:
    result = CliRunner().invoke(app, ["train", "v4"])
    assert isinstance(result.exception, UsageError)
