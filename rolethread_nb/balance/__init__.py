"""The balance of a dataset as numbers: distributions of whatever its conversations and turns have, and tables of one against another."""

from .distributions import Distributions
from .facet import Facet

__all__ = ["Distributions", "Facet"]
