"""Packages of model versions for hosting outside of the stack."""
