"""The function as Lambda starts it, with the handler.

Lambda imports this module before the first event arrives, whose budget has not started then. Garbage collection is off
meanwhile: nearly all objects of imports and clients are kept, and searching them for garbage took a fifth of the start.
The kept objects are then frozen, so that later collections do not search them either.

With SnapStart, Lambda does this once per version and takes a snapshot, from which all its processes continue. They
hold no connection then, no policy and no secret, and botocore replaces credentials that expired since. Only the
generators of random numbers have to be seeded.
"""

import gc

gc.disable()

# ruff: noqa: E402 -- these imports create most of the objects
import os
import random
import ssl

from snapshot_restore_py import register_after_restore

from orchestrator.handler import handler, orchestrator

__all__ = ["handler"]


def seed_generators() -> None:
    """Seed the generators of random numbers, so that processes of one snapshot neither retry nor encrypt alike.

    botocore draws the delays of retries from `random`. OpenSSL draws keys of connections from its own generator, which
    has state after the certificate authorities are loaded. `os.urandom` belongs to the kernel, which AWS seeds itself.
    """
    random.seed()
    ssl.RAND_add(os.urandom(32), 32.0)


register_after_restore(seed_generators)
orchestrator()
gc.freeze()
gc.enable()
