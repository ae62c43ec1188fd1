"""The Lambda functions that pass each change of a record on: as an event (Results), and to Athena (Analytics)."""
