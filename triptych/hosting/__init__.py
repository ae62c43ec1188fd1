"""Packages of model versions for other homes than the stack's own services."""
