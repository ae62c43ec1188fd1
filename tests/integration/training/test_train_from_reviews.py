"""From people's labels to the next version: bucket and table in moto, everything between and after is real."""

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
from records.reviews import NONE_OF_THESE
from records.table import RecordTable
from testkit.template import table_definition
from tests.support import flowers
from tests.support.uploads import prediction, record, upload
from triptych.cli import app
from triptych.errors import UsageError
from triptych.review.reviews import Reviews
from triptych.storage import connection
from triptych.storage.connection import StackConnection

LABELS = ("daisy", "rose", "sunflower")
RECIPE = f'version = "v4"\n{flowers.RECIPE}'


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[StackConnection]:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")
    with mock_aws():
        session.client("s3").create_bucket(Bucket="inbox")
        session.client("s3").put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        session.resource("dynamodb").create_table(**table_definition("records"))
        to = StackConnection("moto", "inbox", "records", "orchestrator", "", session)
        monkeypatch.setattr(connection, "connect", lambda _: to)
        yield to


def drop(stack: StackConnection, key: str, body: bytes) -> tuple[str, str]:
    """A document, and its record: whatever it shows, every version took it for a rose."""
    version_id = stack.s3.put_object(Bucket="inbox", Key=key, Body=body)["VersionId"]
    said = prediction("rose", 0.5, probabilities={"rose": 0.5, "daisy": 0.3, "sunflower": 0.2})
    of = upload(key, bucket="inbox", version_id=version_id)
    RecordTable(stack.table).save(record({"v1": said, "v2": said}, of=of), replacing=None)
    return of.document, of.sort_key


def test_the_next_version_learns_what_people_said(
    stack: StackConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reviews = Reviews(stack.table)
    for file in sorted(flowers.plant(tmp_path / "pictures", each=10).glob("*/*.png")):
        place = drop(stack, f"{file.stem}.jpg", file.read_bytes())  # a wrong name, as people give them
        reviews.label(*place, file.parent.name, "ann")
    drop(stack, "never-labelled.png", b"\x89PNG\r\n\x1a\n cut short")
    noise = BytesIO()
    Image.effect_noise((64, 64), 90).save(noise, "PNG")
    reviews.label(*drop(stack, "noise.png", noise.getvalue()), NONE_OF_THESE, "ann")
    Path("small.toml").write_text(RECIPE)

    done = CliRunner().invoke(app, ["train", "v4", "--from-reviews", "--recipe", "small.toml", "--threads", "1"])
    assert done.exception is None, done.output
    assert "30 labelled documents are in reviewed; 1 labelled none-of-these in a hidden folder" in done.stderr.replace("\n", " ")
    model = load_model(Path("models") / "v4")
    assert tuple(model.manifest.labels) == LABELS
    assert model.manifest.training["licences"] == ["your own"]
    classifier = Classifier({"v4": model}, Limits())
    flower = (flowers.plant(tmp_path / "unseen", each=11) / "sunflower" / "sunflower-10.png").read_bytes()
    assert classifier.classify(flower, model).label == "sunflower"


def test_training_needs_something_to_learn_from() -> None:
    done = CliRunner().invoke(app, ["train", "v4"])
    assert isinstance(done.exception, UsageError)
