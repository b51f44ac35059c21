"""What is wanted of a picture: terms, and how they add up."""

from kerasart.objectives.objective import Objective
from kerasart.objectives.term import Term
from kerasart.objectives.terms import Activation, TotalVariation

__all__ = ["Activation", "Objective", "Term", "TotalVariation"]
