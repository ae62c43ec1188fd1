"""The views that template.yaml defines for Athena, in DuckDB: nothing else runs their SQL without an account."""

import json
import re

import duckdb

from testkit.template import rollout

_VIEWS = ("AnalyticsRecords", "AnalyticsPredictions", "AnalyticsLabels")

_UNNEST = re.compile(r"CROSS JOIN UNNEST\((\w+)\) AS (\w+) (\([^)]*\))")
"""How Athena makes a row of each element of an array, with the element's fields as columns."""


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the views `records`, `predictions` and `labels` over the relation `revisions`."""
    stack = rollout(Analytics="events")
    for resource in _VIEWS:
        content = stack[resource]["TableInput"]
        [_, values] = content["ViewOriginalText"]["Sub"]
        query = json.loads(values["View"]["Base64"]["Fn::Sub"])["originalSql"]
        connection.execute(f"CREATE VIEW {content['Name']} AS {_in_duckdb(query)}")


def _in_duckdb(query: str) -> str:
    """Return a query of Athena for DuckDB, which differs in how it unnests an array of structures."""
    return _UNNEST.sub(r"CROSS JOIN LATERAL (SELECT UNNEST(\1, recursive := true)) AS \2 \3", query)
