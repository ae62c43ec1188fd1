"""Settings of every test."""

from hypothesis import settings

# No test asserts how long something takes: on a busy machine any example may be slow.
settings.register_profile("triptych", deadline=None)
settings.load_profile("triptych")
