"""Preflight: find what would make a deployment to AWS fail, with calls that only read.

Each check is a function that takes the clients it needs and the planned deployment, and yields findings. `checks.py`
lists all checks; `inspection.py` runs them and turns a denied call into a finding as well.
"""
