"""Records as tables: the export for analysts, and SQL over it."""
