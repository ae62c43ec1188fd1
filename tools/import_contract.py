"""The import-linter contract behind each row of the table of packages in docs/architecture.md."""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """The complete list of what a package may import, apart from itself and the standard library.

    Imports inside functions count. Those below `if TYPE_CHECKING` do not: they need nothing at run time.

    Attributes:
        package: The package that the contract restricts.
        may_import: Packages or modules that all of `package` may import, third parties included.
        exceptions: What only a part of `package` may import, each as `part -> imported`.
    """

    package: Any = fields.StringField()
    may_import: Any = fields.ListField(subfield=fields.StringField(), required=False)
    exceptions: Any = fields.ListField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 -- the base class names it
        """Look for imports that the table does not allow."""
        allowed = [self.package, *(self.may_import or [])]
        excepted = [(str(one.importer), str(one.imported)) for one in self.exceptions or []]
        importers = {self.package, *graph.find_descendants(self.package)}
        forbidden = [
            (importer, imported)
            for importer in sorted(importers)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.split(".")[0] not in sys.stdlib_module_names
            and not any(_within(imported, package) for package in allowed)
            and not any(_within(importer, one) and _within(imported, other) for one, other in excepted)
        ]
        lines = {
            pair: [found["line_number"] for found in graph.get_import_details(importer=pair[0], imported=pair[1])]
            for pair in forbidden
        }
        return ContractCheck(kept=not forbidden, metadata={"forbidden": lines})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that the table does not allow, with its lines."""
        for (importer, imported), numbers in check.metadata["forbidden"].items():
            output.print_error(f"{importer} must not import {imported} (l. {', '.join(map(str, numbers))})", bold=True)
        output.new_line()


def _within(module: str, package: str) -> bool:
    """Return whether a module is a package or lies in it."""
    return module == package or module.startswith(f"{package}.")
