"""The function as Lambda starts it, with the handler.

Lambda imports this module before the first event arrives, whose budget has not started then. Garbage collection is off
meanwhile: nearly all objects of imports and clients are kept, and searching them for garbage took a fifth of the start.
The kept objects are then frozen, so that later collections do not search them either.
"""

import gc

gc.disable()

from orchestrator.handler import handler, orchestrator  # noqa: E402 -- these imports create most of the objects

__all__ = ["handler"]

orchestrator()
gc.freeze()
gc.enable()
