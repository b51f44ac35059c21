"""DeepDream: a photo is changed until a network sees more of what it already sees in it.

Source: Mordvintsev, Olah and Tyka 2015, "Inceptionism: Going Deeper into Neural Networks".
"""

import math
from dataclasses import dataclass, field

import numpy as np

from kerasart.backbones import Backbone, load_backbone
from kerasart.dream_settings import choose_settings
from kerasart.image import as_image
from kerasart.image.resize import resize
from kerasart.objectives import Activation, Objective
from kerasart.optimization import (
    Descent,
    Interrupted,
    NormalizedGradient,
    octave_sizes,
    random_roll,
)


def deep_dream(image, preset="animals", backbone="auto"):
    backbone = load_backbone(backbone)
