"""What the labels of people say about the versions: pure functions from records to a `Report`.

`report.assess` is the entry. docs/evidence.md says what each figure means and what it assumes.
"""
