"""The network that every server answers with. The peers import this module, so it imports nothing heavy."""

from typing import Final

ARCHITECTURE: Final = "resnet18"
SIDE: Final = 224
LABELS: Final = ("form", "handwritten", "invoice", "letter", "paper", "photo", "receipt", "resume", "slides")
VERSION: Final = "v1"
TORCHSCRIPT: Final = "model.pt"
