"""The health card: what was measured in a dataset, in plain sentences, the worst first."""

from .card import Card
from .measurement import Measurement

__all__ = ["Card", "Measurement"]
