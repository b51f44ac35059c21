"""What is wanted of a picture: terms, and how they add up."""

from kerasart.objectives.dream import compare_with, dream_objective
from kerasart.objectives.dream_terms import SIMILARITIES, Channel, Energy, Similarity
from kerasart.objectives.objective import Objective, Target, Term
from kerasart.objectives.style import style_objective
from kerasart.objectives.style_terms import STYLE_LOSSES, Gram, Moments, StyleTerm, Wasserstein
from kerasart.objectives.targets import make_targets
from kerasart.objectives.terms import Activation, Content, TotalVariation

__all__ = [
    "Activation",
    "Channel",
    "Content",
    "Energy",
    "Gram",
    "Moments",
    "Objective",
    "SIMILARITIES",
    "STYLE_LOSSES",
    "Similarity",
    "StyleTerm",
    "Target",
    "Term",
    "TotalVariation",
    "Wasserstein",
    "compare_with",
    "dream_objective",
    "make_targets",
    "style_objective",
]
