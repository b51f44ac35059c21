"""What is wanted of a picture: terms, and how they add up."""

from kerasart.objectives.objective import Objective, Target
from kerasart.objectives.style_terms import STYLE_LOSSES, Gram, Moments, StyleTerm, Wasserstein
from kerasart.objectives.targets import make_targets
from kerasart.objectives.term import Term
from kerasart.objectives.terms import Activation, Content, TotalVariation

__all__ = [
    "Activation",
    "Content",
    "Gram",
    "Moments",
    "Objective",
    "STYLE_LOSSES",
    "StyleTerm",
    "Target",
    "Term",
    "TotalVariation",
    "Wasserstein",
    "make_targets",
]
