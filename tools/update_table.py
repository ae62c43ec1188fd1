"""Update the table of docs/rollout.md: what a change of each parameter does to a live stack."""

from testkit.changes.table import write_update_table
from testkit.template import ROOT

if __name__ == "__main__":
    page = ROOT / "docs" / "rollout.md"
    page.write_text(write_update_table(page.read_text()))
