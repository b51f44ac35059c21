"""Losses as additive statistics of features or pixels, and their weighted sum."""

from kerasart.startup import quiet_startup

with quiet_startup():
    from kerasart.objectives.activations import Activation, Channel
    from kerasart.objectives.comparisons import SIMILARITIES, Content, Similarity, Temporal
    from kerasart.objectives.dream import dream_objective
    from kerasart.objectives.judgement import Head, Judgement, gradient_penalty, judge
    from kerasart.objectives.objective import Objective, Target, Term
    from kerasart.objectives.regularizers import Energy, TotalVariation
    from kerasart.objectives.style import style_objective
    from kerasart.objectives.style_losses import STYLE_LOSSES, Gram, Moments, StyleTerm, Wasserstein

__all__ = [
    "Activation",
    "Channel",
    "Content",
    "Energy",
    "Gram",
    "Head",
    "Judgement",
    "Moments",
    "Objective",
    "SIMILARITIES",
    "STYLE_LOSSES",
    "Similarity",
    "StyleTerm",
    "Target",
    "Temporal",
    "Term",
    "TotalVariation",
    "Wasserstein",
    "dream_objective",
    "gradient_penalty",
    "judge",
    "style_objective",
]
