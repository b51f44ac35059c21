"""The public names of kerasart (`_MODULES`), for type checkers."""

from kerasart.applications.deep_dream import Dreamer as Dreamer
from kerasart.applications.deep_dream import deep_dream as deep_dream
from kerasart.applications.dream_animation import animate_evolution as animate_evolution
from kerasart.applications.dream_animation import animate_layers as animate_layers
from kerasart.applications.dream_animation import animate_zoom as animate_zoom
from kerasart.applications.dream_style import dream_style as dream_style
from kerasart.applications.fast_style import Stylizer as Stylizer
from kerasart.applications.fast_style import stylize as stylize
from kerasart.applications.feature_visualization import visualize_channels as visualize_channels
from kerasart.applications.film import paint_film as paint_film
from kerasart.applications.film_dreamer import FilmDreamer as FilmDreamer
from kerasart.applications.film_shots import find_shots as find_shots
from kerasart.applications.film_style_transfer import FilmStyleTransfer as FilmStyleTransfer
from kerasart.applications.film_stylizer import FilmStylizer as FilmStylizer
from kerasart.applications.style_transfer import StyleTransfer as StyleTransfer
from kerasart.applications.style_transfer import style_transfer as style_transfer
from kerasart.backbones import Backbone as Backbone
from kerasart.backbones import load_backbone as load_backbone
from kerasart.film import Film as Film
from kerasart.image import Picture as Picture
from kerasart.image import read_picture as read_picture
from kerasart.image import write_picture as write_picture
from kerasart.image.animation import write_animation as write_animation
from kerasart.networks import AdaIN as AdaIN
from kerasart.networks import AdaINTrainer as AdaINTrainer
from kerasart.networks import StyleTrainer as StyleTrainer
from kerasart.networks import TransformerNet as TransformerNet
from kerasart.networks import load_network as load_network
from kerasart.networks import shipped_models as shipped_models
from kerasart.objectives import Activation as Activation
from kerasart.objectives import Channel as Channel
from kerasart.objectives import Objective as Objective
from kerasart.objectives import Term as Term
from kerasart.objectives import TotalVariation as TotalVariation
from kerasart.optimization import DivergedError as DivergedError
from kerasart.optimization import Interrupted as Interrupted
from kerasart.optimization import Result as Result
from kerasart.progress import Progress as Progress
from kerasart.progress import ProgressBar as ProgressBar
from kerasart.settings.dream import DreamSettings as DreamSettings
from kerasart.settings.execution import Execution as Execution
from kerasart.settings.presets import load_presets as load_presets
from kerasart.settings.style import FastStyleSettings as FastStyleSettings
from kerasart.settings.style import StyleSettings as StyleSettings

__version__: str
