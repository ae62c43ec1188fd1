"""With Analytics=events, each revision of a record reaches Athena, whose views show what an export contains."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pytest
from botocore.exceptions import ClientError

from records.record import Reason, Status
from records.reviews import Draw, Queue, Review
from records.table import RecordTable
from testkit.template import ROOT
from tests.support.account import Account, wait_for
from tests.support.athena_views import create_views
from tests.support.uploads import NOON, model_failure, prediction, record, upload
from triptych.stack.environment import local_session
from triptych.storage.connection import StackConnection, from_outputs
from triptych.tables.erasure import erase_rows
from triptych.tables.export import DailyReader, export_records, export_revisions
from triptych.tables.files import Location
from triptych.tables.formats import TableFormat
from triptych.tables.schemas import SCHEMAS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}
DRAW = Draw(Queue.REVIEW, 0.25)


@dataclass(frozen=True)
class AnalyticsStack:
    """A stack with Analytics=events, and the revisions that its table had."""

    account: Account
    connection: StackConnection
    outputs: dict[str, str]
    revisions: int

    def query(self, sql: str) -> list[list[str | None]]:
        """Return the rows that Athena finds, as text."""
        athena = self.account.client("athena")
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.outputs["AnalyticsDatabaseName"]},
            WorkGroup=self.outputs["AnalyticsWorkGroupName"],
        )["QueryExecutionId"]

        def ended() -> Any:
            status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            assert status["State"] != "FAILED", status
            return status["State"] == "SUCCEEDED"

        wait_for(ended)
        _, *rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows]

    def wait_for_rows(self) -> None:
        """Wait until Athena finds every revision."""
        sql = "SELECT count(DISTINCT document || cast(revision AS varchar)) FROM revisions"
        wait_for(lambda: self.query(sql) == [[str(self.revisions)]], seconds=120)

    @property
    def files(self) -> Location:
        """The files of the table `revisions`."""
        return Location.parse(f"s3://{self.connection.analytics_bucket}/revisions", self.connection)


def write_records(table: RecordTable) -> int:
    """Write records of three days, one labelled twice, and return the number of writes."""
    writes = 0
    for number in range(9):
        at = NOON + timedelta(days=number // 3, minutes=number)
        of = upload(f"scan-{number}.pdf", bucket="inbox", event_time=at, sequencer=f"{number:016X}")
        stored = record(AGREED if number else {**AGREED, "v2": model_failure()}, of=of)
        if number == 4:
            stored = record({}, of=of, status=Status.REJECTED, reason=Reason("empty", "no bytes"))
        table.save(stored, replacing=None)
        writes += 1
        for label in ("invoice", "receipt") if number == 5 else ():
            labelled = stored.with_review(Review(label, "ada", NOON, Queue.REVIEW, 3.5, DRAW)).next_revision(stored)
            table.save(labelled, replacing=stored)
            stored, writes = labelled, writes + 1
    return writes


@pytest.fixture(scope="module")
def stack(account: Account, packaged: str) -> Iterator[AnalyticsStack]:
    outputs = account.create_stack(packaged, {"Analytics": "events"})
    try:
        connection = replace(from_outputs("local", outputs, local_session()), endpoint_url=account.endpoint)
        revisions = write_records(RecordTable(connection.table))
        yield AnalyticsStack(account, connection, outputs, revisions)
    finally:
        account.delete_stack()
        account.delete_retained()


def test_each_revision_reaches_athena(stack: AnalyticsStack) -> None:
    stack.wait_for_rows()
    arrived = stack.query("SELECT DISTINCT cast(arrived AS varchar) FROM revisions WHERE revision = 3")
    today = datetime.now(UTC).date()
    assert {day for [day] in arrived} <= {str(today), str(today - timedelta(days=1))}


@pytest.fixture
def views(stack: AnalyticsStack) -> duckdb.DuckDBPyConnection:
    """The views of Athena, over the files that Firehose wrote."""
    stack.wait_for_rows()
    return open_views(stack)


def open_views(stack: AnalyticsStack) -> duckdb.DuckDBPyConnection:
    """Return a connection to DuckDB with the views of Athena over the files in the bucket."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    by_day = pyarrow.dataset.partitioning(pa.schema([("arrived", pa.date32())]), flavor="hive")
    dataset = pyarrow.dataset.dataset(stack.files.path, filesystem=stack.files.filesystem, partitioning=by_day)
    connection.register("revisions", dataset)
    create_views(connection)
    return connection


def test_views_show_what_an_export_contains(
    stack: AnalyticsStack, views: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert_equal_to_export(views, stack, tmp_path)


def test_an_export_for_athena_changes_no_row_of_the_views(stack: AnalyticsStack, tmp_path: Path) -> None:
    stack.wait_for_rows()
    reader, today = DailyReader(stack.connection.table), datetime.now(UTC).date()
    for _ in range(2):
        assert export_revisions(reader, stack.files, None, today=today, on_day=lambda *_: None) == 9
    assert_equal_to_export(open_views(stack), stack, tmp_path)


def assert_equal_to_export(views: duckdb.DuckDBPyConnection, stack: AnalyticsStack, folder: Path) -> None:
    """Check that the views have the rows of an export to a folder."""
    reader, exported = DailyReader(stack.connection.table), Location.parse(str(folder), None)
    export_records(reader, exported, None, TableFormat.PARQUET, today=date.today(), on_day=lambda *_: None)
    for table, schema in SCHEMAS.items():
        columns = ", ".join(f'"{name}"' for name in [*schema.names, "day"])
        query = f"SELECT {columns} FROM {{}} ORDER BY ALL"  # noqa: S608 -- names of the schema
        files = f"read_parquet('{folder}/{table}/*/*.parquet', hive_partitioning = true)"
        expected = without_zones(views.execute(query.format(files)).fetchall())
        assert expected
        assert without_zones(views.execute(query.format(table)).fetchall()) == expected, table


def without_zones(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows with times without their zone, which is UTC: Athena's times have none."""
    return [
        tuple(value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row) for row in rows
    ]


def test_erased_document_leaves_no_row(stack: AnalyticsStack) -> None:
    erased = record(AGREED, of=upload("erased.pdf", bucket="inbox"))
    RecordTable(stack.connection.table).save(erased, replacing=None)
    sql = "SELECT count(*) FROM revisions WHERE key = 'erased.pdf'"
    wait_for(lambda: stack.query(sql) == [["1"]], seconds=120)
    assert erase_rows(stack.files, [erased.upload.document]) == 1
    stack.connection.table.delete_item(Key={"document": "inbox/erased.pdf", "sequencer": erased.upload.sort_key})
    assert stack.query(sql) == [["0"]]


def test_rows_that_athena_cannot_read_are_kept(stack: AnalyticsStack) -> None:
    firehose = stack.account.client("firehose")
    [name] = [name for name in firehose.list_delivery_streams()["DeliveryStreamNames"] if "Analytics" in name]
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b'{"revision": "not a number"}\n'})
    bucket = stack.outputs["AnalyticsBucketName"]
    listing = stack.connection.s3.list_objects_v2
    [kept] = wait_for(lambda: listing(Bucket=bucket, Prefix="errors/format-conversion-failed/").get("Contents"))
    assert kept["Size"] > 0


def test_documented_queries_return_rows(views: duckdb.DuckDBPyConnection) -> None:
    queries = re.findall(r"^```sql\n(.*?)^```$", (ROOT / "docs" / "records.md").read_text(), re.MULTILINE | re.DOTALL)
    accuracy, per_day, changed = (views.execute(query).fetchall() for query in queries)
    assert {version for version, _, _ in accuracy} <= set(AGREED), "whether there is a label depends on the month"
    assert [(day, label, documents) for day, label, documents, _ in per_day if label] == [
        (date(2026, 11, 22 + number), "invoice", 2 if number == 1 else 3) for number in range(3)
    ]
    assert changed == []


def test_analyst_with_the_documented_policy_may_query_and_nothing_else(stack: AnalyticsStack) -> None:
    [policy] = re.findall(r"^```json\n(.*?)^```$", (ROOT / "docs" / "records.md").read_text(), re.MULTILINE | re.DOTALL)
    bucket, inbox = stack.outputs["AnalyticsBucketName"], stack.outputs["InboxBucketName"]
    for documented, actual in (("111111111111", "000000000000"), ("BUCKET", bucket)):
        policy = policy.replace(documented, actual)
    session = stack.account.create_user("analyst", policy).session()
    athena = session.client("athena", endpoint_url=stack.account.endpoint)
    s3 = session.client("s3", endpoint_url=stack.account.endpoint)
    execution = athena.start_query_execution(
        QueryString="SELECT count(*) FROM revisions",
        QueryExecutionContext={"Database": stack.outputs["AnalyticsDatabaseName"]},
        WorkGroup=stack.outputs["AnalyticsWorkGroupName"],
    )["QueryExecutionId"]
    # The emulator allows this for other resources than AWS, which checks the workgroup.
    status = stack.account.client("athena").get_query_execution
    wait_for(lambda: status(QueryExecutionId=execution)["QueryExecution"]["Status"]["State"] == "SUCCEEDED")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="query-results/")["KeyCount"]
    for denied in (
        lambda: s3.put_object(Bucket=bucket, Key="revisions/forged.parquet", Body=b""),
        lambda: s3.delete_object(Bucket=bucket, Key="revisions/forged.parquet"),
        lambda: s3.list_objects_v2(Bucket=inbox),
        lambda: athena.delete_work_group(WorkGroup=stack.outputs["AnalyticsWorkGroupName"]),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            denied()
