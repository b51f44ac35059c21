"""Every kind of dream, and what came of it as another forward pass sees it."""

import gc
import logging
import math

import keras
import numpy as np
import pytest

from kerasart import Dreamer, Execution, Interrupted, deep_dream
from kerasart.backbones.imagenet import load_bundled
from kerasart.backbones.squeezenet import SqueezeNet
from kerasart.image.arrays import quantise
from kerasart.image.resizing import fill_size, resize_photo
from kerasart.objectives import SIMILARITIES, Activation, Target

# A dream of one octave, looked at from one side, so that the loss can only fall.
PLAIN = {
    "octaves": 1,
    "steps": 6,
    "step_size": 0.01,
    "jitter": 0,
    "smoothness": 0.0,
    "precision": "float32",
}
# Where no preset is given, by ascent of pixels.
ASCENT = {
    "parameterization": "pixels",
    "optimizer": "ascent",
    "pad": 0,
    "scaling": 0.0,
    "rotation": 0.0,
    "final_jitter": 0,
}


@pytest.fixture(scope="module")
def photo(face):
    return np.ascontiguousarray(face[:, 10:74, 16:80])


@pytest.fixture(scope="module")
def guide(cat):
    return np.ascontiguousarray(cat[:, 200:280, 150:246])


@pytest.fixture(scope="module")
def make(squeezenet):
    """Makes a `Dreamer` of the plain dream with changes, each once: to trace takes a second."""
    made = {}

    def make(preset=None, guide=None, **changes):
        key = repr((preset, guide is not None, sorted(changes.items())))
        if key not in made:
            gc.freeze()  # Each collects garbage, which is faster without a look at the others.
            plain = PLAIN if preset else PLAIN | ASCENT
            made[key] = Dreamer(preset, squeezenet, guide=guide, **plain | changes)
        return made[key]

    yield make
    gc.unfreeze()


def test_an_objective_of_ones_own_brings_its_network():
    dreamer = Dreamer(objective=Activation("fire3"))
    assert (dreamer.backbone.name, dreamer.backbone.layers) == ("squeezenet", ("fire3",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": 3}, "`objective` must be a Term, or a sum of such. Received: 3"),
        ({"objective": "fire3"}, "`objective` must be a Term, or a sum of such. Received: 'fire3'"),
        ({"preset": ""}, "`preset` must be one of .* Received: ''"),
        ({"backbone": None}, "`backbone` must be auto, .* Received: None"),
    ],
)
def test_what_is_no_argument_is_refused_before_a_network_loads(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dreamer(**arguments)


@pytest.mark.parametrize("targets", [[], [1], "x", 3, [Target()] * 2])
def test_targets_are_one_for_each_term(make, photo, targets):
    with pytest.raises(ValueError, match="`targets` must be a Target for each term, 1. Received: "):
        make(layers="fire6", octaves=2).dream(photo, targets=targets)


def test_channels_are_of_layers_of_the_network(make):
    with pytest.raises(ValueError, match=r"`channel` must name layers of squeezenet.*: 'foo'"):
        make(channel="foo:3")


def test_terms_that_are_balanced_are_known(make, photo):
    with pytest.raises(ValueError, match=r"`numbers` must be from 0 to 0, of terms. Rec.*: \[9\]"):
        make(layers="fire6", octaves=2).balance_terms([9], photo)


@pytest.mark.parametrize("weights", [[], [1, 2], 3, "x", [None], [math.nan]])
def test_weights_are_one_for_each_term(make, photo, weights):
    with pytest.raises(ValueError, match="`weights` must be a finite number for each .* Received:"):
        make(layers="fire6", octaves=2).dream(photo, weights=weights)


@pytest.mark.parametrize("size", [0, -1, 9.5, "64"])
def test_a_size_that_is_none_is_refused(make, photo, size):
    with pytest.raises(ValueError, match="`size` must be at least 1, and whole. Received: "):
        make(layers="fire6", octaves=2).dream(photo, size=size)


# --- Another forward pass: Keras's own, and NumPy; nothing of ours but names and weights


@pytest.fixture(scope="module")
def see():
    """Looks at a picture: a layer's features, (height, width, channels)."""
    model = SqueezeNet()
    load_bundled(model, "squeezenet")
    names = ["fire3", "fire6", "fire8", "conv10", "relu_conv10"]
    network = keras.Model(model.input, [model.get_layer(name).output for name in names])

    def see(image, layer):
        bgr = 255 * np.asarray(image)[..., ::-1] - [103.939, 116.779, 123.68]
        features = network(bgr.astype(np.float32), training=False)
        return features[names.index(layer)].numpy()[0].astype(np.float64)

    return see


@pytest.fixture(scope="module")
def probability(see):
    def probability(image, number):
        logits = see(image, "relu_conv10").mean(axis=(0, 1))
        shares = np.exp(logits - logits.max())
        return shares[number] / shares.sum()

    return probability


def likeness(kind, mine, theirs):
    """What a similarity names: the higher, the more alike."""
    if kind == "match":
        rows, others = (x.reshape(-1, x.shape[-1]) for x in (mine, theirs))
        return (rows @ others.T).max(axis=1).mean()
    if kind == "cosine":
        lengths = (np.linalg.norm(x, axis=-1) for x in (mine, theirs))
        return ((mine * theirs).sum(axis=-1) / np.maximum(np.prod([*lengths], axis=0), 1e-9)).mean()
    return {
        "dot": (mine * theirs).sum(axis=-1).mean(),
        "l1": -np.abs(mine - theirs).mean(),
        "l2": -((mine - theirs) ** 2).mean(),
    }[kind]


# --- All kinds


FROM_NOTHING = {
    "image": None,
    "size": 64,
    "preset": "visualization",
    "jitter": 8,
    "step_size": 0.05,
}
# The raw weights of the older Keras example, which L-BFGS needs: the same loss at each step.
LBFGS = {
    "preset": "ascent",
    "optimizer": "lbfgs",
    "layers": "fire3:0.05",
    "tv_beta": 2.5,
    "tv_isotropic": True,
    "tv_weight": 69224.0,
    "energy_weight": 1300.0,
    "smoothness": 0.0,
    "jitter": 0,
}
KINDS = {
    "layers": {"layers": "fire3:1,fire6:0.5"},
    "channel": {"channel": "fire8:37"},
    "channels": {"channel": "fire6:11,fire6:12:-0.5", "jitter": 4},
    "neuron": {"channel": "fire6:11", "neuron": True},
    "class": {"class_name": "jellyfish", "preset": "ascent"},
    "class preset": {"preset": "class", "jitter": 8, "step_size": 0.03},
    "guided": {"layers": "fire6", "guide": True},
    "away": {"preset": "away"},
    "natural": {"preset": "natural", "layers": "fire3"},
    "lbfgs": LBFGS,
    "pixels": {"layers": "fire6", "pixel_loss": "l1", "pixel_weight": 500.0, "energy_weight": 0.5},
    "noise": {**FROM_NOTHING, "channel": "fire8:37"},
    "grey": {**FROM_NOTHING, "channel": "fire8:37", "init": "grey"},
    "shaped": {"layers": "fire6", "blur": 1.0, "pyramid": 3, "norm": "unit"},
    "adam": {"layers": "fire6", "optimizer": "adam", "parameterization": "fourier"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_dream(make, photo, guide, kind):
    settings = dict(KINDS[kind])
    image, size = settings.pop("image", photo), settings.pop("size", None)
    dreamer = make(guide=guide if settings.pop("guide", None) else None, **settings)
    result = dreamer.dream(image, size=size)
    assert result.image.shape == (1, 64, 64, 3) and result.image.dtype == np.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert np.ptp(result.image) > 0.05
    losses = np.sum(list(result.history.values()), axis=0)
    assert len(losses) == 6 and list(result.history) == list(dreamer.objective.names)
    assert losses[-1] < losses[0]
    # The same seed makes the same picture, and another one another, where there is any chance.
    np.testing.assert_array_equal(dreamer.dream(image, size=size).image, result.image)
    chance = {name: getattr(dreamer.settings, name) for name in ("jitter", "init_noise", "init")}
    if chance != {"jitter": 0, "init_noise": 0.0, "init": "photo"}:
        dreamer.execution = Execution(precision="float32", seed=1)
        other = dreamer.dream(image, size=size).image
        dreamer.execution = Execution(precision="float32")
        assert np.abs(other - result.image).max() > 1 / 255
    assert dreamer.descent.traces == 1


# --- What was wanted came about


@pytest.mark.parametrize("sign", [1, -1])
def test_a_channel_is_raised_or_lowered(make, see, photo, sign):
    dreamer = make(channel={"fire6:11": sign, "fire3:5": 2 * sign}, step_size=0.004)
    image = dreamer.dream(photo).image
    for layer, channel in (("fire6", 11), ("fire3", 5)):
        before, after = (see(picture, layer)[..., channel].mean() for picture in (photo, image))
        assert sign * (after - before) > 0.1 * before, layer


def test_two_channels_weigh_as_they_are_weighted(make, see, photo):
    means = []
    dreamer = make(channel="fire6:11,fire6:12:-0.5", jitter=4)
    for weights in ([1.0, 0.01], [0.01, 1.0]):
        image = dreamer.dream(photo, weights=weights).image
        means.append(see(image, "fire6").mean(axis=(0, 1))[[11, 12]])
    assert means[0][0] > 1.2 * means[1][0] and means[1][1] > 1.2 * means[0][1]


def test_a_neuron_is_raised_at_the_centre_only(make, see, photo):
    dreamer = make(channel="fire6:11", neuron=True)
    image = dreamer.dream(photo).image
    before, after = (see(picture, "fire6")[..., 11] for picture in (photo, image))
    centre = tuple(side // 2 for side in after.shape)
    assert after[centre] > 1.5 * before[centre]
    # What lies outside of what it sees is as it was: fire6 sees 55 pixels around.
    moved = np.abs(image - photo)[0].max(axis=-1)
    assert moved[20:50, 20:50].mean() > 10 * moved[:2].mean()


def test_a_class_is_raised(make, probability, photo, face):
    before = probability(photo, 107)
    image = make("ascent", class_name="jellyfish").dream(photo).image
    assert before < 1e-6 and probability(image, 107) > 1e-3
    dreamer = make("ascent", class_name="jellyfish", steps=40)
    assert probability(dreamer.dream(face).image, 107) > 0.9


def test_a_class_is_lowered(make, probability, photo):
    number = max(range(281, 286), key=lambda i: probability(photo, i))
    dreamer = make("ascent", class_name="jellyfish")
    before = probability(photo, number)
    targets = [Target(value=(np.int32(number),))]
    image = dreamer.dream(photo, targets=targets, weights=[-1.0]).image
    assert probability(image, number) < 0.5 * before


def test_a_class_grows_from_nothing(make, probability):
    dreamer = make("visualization", class_name="jellyfish", jitter=8, step_size=0.05, steps=40)
    before, after = (dreamer.dream(size=64, weights=[sign]).image for sign in (-1.0, 1.0))
    assert probability(before, 107) < 1e-4 and probability(after, 107) > 0.05


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_a_similarity_raises_what_it_names(make, see, photo, guide, kind):
    dreamer = make(guide=guide, layers="fire6", similarity=kind)
    # Matched, it stays whole, but no larger than what is dreamed on.
    shown = resize_photo(guide, (53, 64)) if kind == "match" else None
    theirs = see(fill_size(guide, (64, 64)) if shown is None else shown, "fire6")

    def alike(image):
        return likeness(kind, see(image, "fire6"), theirs)

    before = alike(photo)
    more = alike(dreamer.dream(photo).image)
    less = alike(dreamer.dream(photo, weights=[-1.0]).image)
    assert less < before < more
    assert more - before > 0.1 * abs(before) and before - less > 0.02 * abs(before)
    # And the history says what was there before the first step, but for the sum over channels.
    first = dreamer.dream(photo).history[dreamer.objective.names[0]][0]
    if kind in ("l1", "l2"):
        assert -before == pytest.approx(first, rel=1e-3)
    if kind in ("dot", "match"):
        assert -before / theirs.shape[-1] == pytest.approx(first, rel=1e-3)


def test_a_negative_coefficient_makes_it_unlike_the_guide(make, see, photo, guide):
    image = make(guide=guide, layers="fire6:-1", similarity="cosine").dream(photo).image
    theirs = see(fill_size(guide, (64, 64)), "fire6")
    before, after = (likeness("cosine", see(x, "fire6"), theirs) for x in (photo, image))
    assert after < 0.9 * before


def test_away_from_its_own_start(make, see, photo):
    image = make("away").dream(photo).image
    start = see(photo, "fire8")
    assert ((see(image, "fire8") - start) ** 2).mean() > 0.3 * (start**2).mean()
    # Of no noise there is no way: the gradient is zero at the start.
    still = make("away", init_noise=0.0, parameterization="pixels").dream(photo).image
    assert np.abs(still - photo).max() < 1e-3


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_pixels_are_kept_or_driven_away(make, photo, kind):
    def moved(image):
        difference = np.abs(image - photo)
        return difference.mean() if kind == "l1" else (difference**2).mean()

    # The same steps as without: the sign is the pixel term's alone.
    settings = {"layers": "fire6:0.001", "pixel_loss": kind, "steps": 8}
    dreamer = make(**settings)
    assert dreamer.objective.names == ("fire6", f"{kind} image to the start")
    free, kept, driven = (
        moved(dreamer.dream(photo, weights=[0.001, weight]).image) for weight in (0.0, 3e3, -3e3)
    )
    assert kept < 0.9 * free and free < 0.9 * driven


def test_pixels_go_to_the_guides(make, photo, guide):
    target = fill_size(guide, (64, 64))
    settings = {"layers": "fire6:1e-9", "similarity": "l2", "reference": "start"}
    pixels = {"pixel_loss": "l2", "pixel_reference": "guide", "pixel_weight": 1.0}
    dreamer = make(guide=guide, **settings, **pixels, optimizer="lbfgs", steps=8)
    image = dreamer.dream(photo).image
    assert np.abs(image - target).mean() < 0.2 * np.abs(photo - target).mean()
    # The weight is the setting's.
    history = dreamer.dream(photo).history["l2 image to the guide"]
    assert history[0] == pytest.approx(((photo - target) ** 2).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "most"), [({"preset": "natural", "layers": "fire3"}, 0.95), (LBFGS, 0.5)]
)
def test_a_natural_dream_is_smoother_and_more_plain(make, photo, settings, most):
    def roughness(image):
        return (np.diff(image, axis=1) ** 2).mean() + (np.diff(image, axis=2) ** 2).mean()

    dreamer = make(**{"smoothness": None, **settings})
    natural = dreamer.dream(photo).image
    wild = dreamer.dream(photo, weights=[dreamer.objective.weights[0], 0.0, 0.0]).image
    assert roughness(natural) < most * roughness(wild)
    mean = np.array([123.68, 116.779, 103.939]) / 255
    assert ((natural - mean) ** 2).mean() < ((wild - mean) ** 2).mean()


def test_lbfgs_takes_no_step_up(make, photo):
    losses = np.sum(list(make(**LBFGS).dream(photo).history.values()), axis=0)
    assert (np.diff(losses) <= 0).all()


def test_a_dream_that_lbfgs_burns_out_says_so(make, photo, caplog):
    regular = make(**LBFGS).dream(photo).image
    assert np.isin(quantise(regular, 8), (0, 255)).mean() < 0.1 and not caplog.records
    burnt = make(layers="fire6", optimizer="lbfgs", steps=40).dream(photo).image
    (record,) = caplog.records
    share = np.isin(quantise(burnt, 8), (0, 255)).mean()
    assert record.getMessage().startswith(f"The dream is burnt out: {100 * share:.0f} % of its")


# --- How


def grain(change):
    """How fine a change of a picture is: its differences over its deviation."""
    return np.abs(np.diff(change, axis=2)).mean() / np.abs(change).mean()


def test_a_gradient_can_be_shaped(make, photo):
    plain, smooth, levels = (
        make(layers="fire6", norm="unit", **shape).dream(photo).image - photo
        for shape in ({}, {"blur": 3.0}, {"pyramid": 4})
    )
    assert grain(smooth) < 0.5 * grain(plain)
    assert grain(levels) != pytest.approx(grain(plain), rel=0.05)
    # Steps of one length, whatever the shape: the gradient is divided last.
    one = make(layers="fire6", norm="unit", blur=3.0, steps=1, clip=False, step_size=0.003)
    moved = one.dream(np.clip(photo, 0.1, 0.9)).image - np.clip(photo, 0.1, 0.9)
    assert np.sqrt((moved**2).mean()) == pytest.approx(0.003, rel=1e-3)


def test_a_dream_from_nothing_needs_no_photo(make, photo):
    settings = {
        name: value for name, value in FROM_NOTHING.items() if name not in ("image", "size")
    }
    dreamer = make(channel="fire8:37", **settings)
    nothing = dreamer.dream(size=64).image
    # Of a photo only the size counts.
    np.testing.assert_array_equal(dreamer.dream(photo).image, nothing)
    assert dreamer.dream(photo[:, :40], size=56).image.shape == (1, 35, 56, 3)
    with pytest.raises(ValueError, match="`image` must be given where `init` is photo"):
        make(channel="fire8:37").dream()


def test_a_mask_keeps_the_photo_where_it_is_zero(make, photo):
    mask = np.zeros((64, 64), np.uint8)
    mask[10:40, 20:60] = 255
    mask[10:40, 58:60] = 128
    for dreamer in (make(layers="fire6", octaves=2), make("class", jitter=8, step_size=0.03)):
        image = dreamer.dream(photo, mask).image
        np.testing.assert_array_equal(image[:, mask == 0], photo[:, mask == 0])
        moved = np.abs(image - photo)[0].mean(axis=-1)
        assert moved[mask == 255].mean() > 0.01
        assert 0 < moved[mask == 128].mean() < moved[mask == 255].mean()


def test_a_mask_of_another_size_is_fitted(make, photo, caplog):
    mask = np.zeros((32, 40), np.float32)
    mask[:, 20:] = 1.0
    with caplog.at_level(logging.WARNING, "kerasart"):
        image = make(layers="fire6", octaves=2).dream(photo, mask).image
    assert "`mask`" in caplog.text
    np.testing.assert_array_equal(image[:, :, :30], photo[:, :, :30])
    assert np.abs(image - photo)[:, :, 34:].mean() > 0.02
    with pytest.raises(ValueError, match="`mask` must mark something"):
        make(layers="fire6", octaves=2).dream(photo, 0 * mask)


def test_one_trace_serves_every_size_and_picture(make, face, guide):
    dreamer = make(guide=guide, layers="fire6", jitter=4, steps=2)
    for size in (64, 49, 80):
        assert max(dreamer.dream(face, size=size).image.shape) == size
    dreamer.dream(face[:, :50, :90])
    assert dreamer.descent.traces == 1


def test_targets_can_be_others(make, see, photo):
    dreamer = make(channel="fire6:11", step_size=0.004)
    for channel in (11, 12):
        image = dreamer.dream(photo, targets=[Target(value=(np.int32(channel),))]).image
        gains = (see(image, "fire6") - see(photo, "fire6")).mean(axis=(0, 1))
        assert gains.argmax() == channel


# --- Which preset, and the record


@pytest.mark.parametrize(
    ("given", "preset"),
    [
        ({}, "animals"),
        ({"layers": "fire3"}, "animals"),
        ({"pyramid": 4}, "ascent"),
        ({"norm": "std", "layers": "fire3"}, "ascent"),
        ({"optimizer": "ascent"}, "ascent"),
        ({"parameterization": "pixels"}, "ascent"),
        ({"optimizer": "adam", "blur": 0.0}, "animals"),
        ({"channel": "fire8:37"}, "channel"),
        ({"class_name": "jellyfish"}, "class"),
        ({"class_name": 0}, "class"),
        ({"class_name": "jellyfish", "channel": "fire8:37"}, "class"),
        ({"guide": True}, "guided"),
        ({"guide": True, "channel": "fire8:37"}, "guided"),
        ({"guide": True, "blur": 1.0}, "ascent"),
        ({"class_name": "jellyfish", "pyramid": 2}, "ascent"),
        ({"channel": "fire8:37", "preset": "gentle"}, "gentle"),
    ],
)
def test_the_preset_is_what_suits_what_is_given(squeezenet, guide, given, preset):
    if given.get("guide"):
        given = given | {"guide": guide}
    dreamer = Dreamer(backbone=squeezenet, **given)
    assert dreamer.record["preset"] == preset
    # And what the preset wants gives way to what is given.
    wanted = {"layers": 1, "channel": 1, "class_name": 1} & given.keys()
    settings = {name: bool(getattr(dreamer.settings, name)) for name in wanted}
    others = {"layers", "channel", "class_name"} - wanted
    if wanted:
        assert not any(getattr(dreamer.settings, name) for name in others)
    assert all(settings[name] or given[name] == 0 for name in wanted)


def test_a_guide_brings_a_similarity_to_every_preset(squeezenet, guide):
    dreamer = Dreamer("ascent", squeezenet, guide=guide)
    assert dreamer.settings.similarity == "match"
    assert Dreamer("ascent", squeezenet, guide=guide, similarity="l1").settings.similarity == "l1"
    # By position, the picture stays where it is, unless one asks for more.
    settings = Dreamer("guided", squeezenet, guide=guide, similarity="dot", rotation=3.0).settings
    transforms = "pad", "jitter", "scaling", "rotation", "final_jitter"
    assert [getattr(settings, name) for name in transforms] == [0, 4, 0, 3, 0]
    settings = Dreamer("guided", squeezenet, guide=guide).settings
    assert settings.pad == 12 and settings.rotation == 16
    pixels = {"pixel_loss": "l2", "pixel_reference": "guide"}
    assert Dreamer("ascent", squeezenet, guide=guide, **pixels).settings.similarity is None


@pytest.mark.parametrize("kind", ["class", "guided", "noise"])
def test_the_record_makes_the_same_picture_again(make, photo, guide, kind):
    settings = dict(KINDS[kind])
    image, size = settings.pop("image", photo), settings.pop("size", None)
    guide = guide if settings.pop("guide", None) else None
    result = make(guide=guide, **settings).dream(image, size=size)
    record = dict(result.settings)
    record.pop("weights_hash")
    again = deep_dream(image, guide=guide, size=size, **record)
    np.testing.assert_array_equal(again.image, result.image)
    assert again.settings == result.settings


# --- Terms that are balanced


def test_balanced_terms_pull_alike(make, photo):
    dreamer = make(layers="fire3:1,fire6:2,fire8:1")
    weights = dreamer.balance_terms([0, 1], photo)
    np.testing.assert_array_equal(dreamer.balance_terms((0, 1), photo), weights)
    assert weights[0] == pytest.approx(1.0) and weights[2] == 1.0
    assert weights[1] > 0
    # Twice the coefficient pulls twice as hard: it is in the weight.
    single = make(layers="fire3:1,fire6:1").balance_terms([0, 1], photo)
    assert weights[1] == pytest.approx(2 * single[1], rel=1e-4)
    np.testing.assert_array_equal(dreamer.objective.weights, [1, 2, 1])


def test_what_does_not_pull_does_not_spoil_the_balance(make, see, photo):
    noise = np.random.default_rng(0).normal(0, 0.1, photo.shape)
    features = see(np.clip(photo + noise, 0, 1), "fire8")
    asleep = int(np.flatnonzero(features.max(axis=(0, 1)) == 0)[0])
    awake = int(features.mean(axis=(0, 1)).argmax())
    for numbers in ([asleep, awake], [awake, asleep]):
        dreamer = make(channel={f"fire8:{number}": 1.0 for number in numbers})
        weights = dreamer.balance_terms([0, 1], photo)
        np.testing.assert_allclose(weights, [1.0, 1.0], rtol=1e-6)


# --- What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_name": "cat"}, "`class` must .*these match: 281: .*Received: 'cat'"),
        ({"class_name": "jelyfish"}, "`class` must .*107: jellyfish.*Received: 'jelyfish'"),
        ({"channel": "fire8"}, "`channel` must .*Received: 'fire8'"),
        ({"channel": "fire88:1"}, "`channel` must .*fire8.*Received: 'fire88'"),
        ({"layers": "fire6", "similarity": "l2"}, "`guide` must be given .*Received: none"),
        (
            {"layers": "fire6", "pixel_loss": "l2", "pixel_reference": "guide"},
            "`guide` must be given .*Received: none",
        ),
        ({"preset": "guided"}, "`guide` must be given .*Received: none"),
    ],
)
def test_refused_before_the_dream(squeezenet, settings, message):
    with pytest.raises(ValueError, match=message):
        Dreamer(backbone=squeezenet, **settings)


def test_a_class_needs_a_head(vgg16):
    with pytest.raises(ValueError, match="`class` needs .*squeezenet.*Received: vgg16 without"):
        Dreamer(backbone=vgg16, class_name="jellyfish")


@pytest.mark.parametrize("weights", ["bundled"])
def test_a_class_of_a_network_whose_head_is_not_there(weights):
    with pytest.raises(ValueError, match="`weights` must .*squeezenet.*Received: 'bundled'"):
        Dreamer(backbone="vgg16", weights=weights, class_name="jellyfish")


def test_channel_out_of_range(make, photo):
    with pytest.raises(ValueError, match="from 0 to 511 in fire8. Received: 512"):
        make(channel="fire8:512").dream(photo)


def test_guide_too_small(make, photo, guide):
    small = guide[:, :12, :40]
    with pytest.raises(ValueError, match=r"`guide` must be at least \d+x\d+ .*Received: 40x12"):
        Dreamer(backbone="squeezenet", guide=small, layers="fire6", **PLAIN).dream(photo)


def test_a_dream_of_what_nothing_excites_says_so(squeezenet, caplog):
    grey = np.full((1, 48, 48, 3), 0.5, np.float32)
    seen = squeezenet.cut(["fire3"])(grey)["fire3"].numpy()
    silent, heard = (int(np.flatnonzero(seen.any(axis=(0, 1, 2)) == is_on)[0]) for is_on in (0, 1))
    still = {"init": "grey", "size": 48, **PLAIN}
    deep_dream(None, "channel", squeezenet, channel=f"fire3:{heard}", **still)
    assert not caplog.records
    deep_dream(None, "channel", squeezenet, channel=f"fire3:{silent}", **still)
    (record,) = caplog.records
    assert f"channel fire3:{silent}" in record.getMessage()


# --- Resuming


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "adam", "parameterization": "fourier", "detail": "none"},
        {"detail": "after"},
        {"optimizer": "lbfgs"},
    ],
)
def test_an_interrupted_dream_resumes_to_the_same_picture(toy, photo, tmp_path, settings):
    path = tmp_path / "dream.npz"
    # No jitter for L-BFGS alone: it needs a loss that does not change.
    options = {"layers": "conv3", "octaves": 3, "steps": 3, "jitter": 2} | settings
    dreamer = Dreamer("animals", toy, precision="float32", **options)
    whole = dreamer.dream(photo)

    def stop(progress):
        if progress.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        dreamer.dream(photo, checkpoint=path, on_step=stop)
    told = []
    again = dreamer.dream(photo, checkpoint=path, on_step=told.append)
    np.testing.assert_array_equal(again.image, whole.image)
    for name, losses in whole.history.items():
        np.testing.assert_array_equal(again.history[name], losses)
    # L-BFGS resumes where it restarts, which is at the octave's start.
    assert told[0].step == (4 if settings.get("optimizer") == "lbfgs" else 6)


def test_a_dream_may_have_listeners_of_its_own(toy, photo):
    always, once, tiles = [], [], []
    options = {"layers": "conv3", "octaves": 1, "steps": 2, "precision": "float32", "tile": 32}
    dreamer = Dreamer("animals", toy, **options, on_step=always.append)
    dreamer.dream(photo, on_tile=lambda *done: tiles.append(done))
    assert [progress.step for progress in always] == [1, 2] and tiles
    told = len(tiles)
    dreamer.dream(photo, on_step=once.append)
    assert [progress.step for progress in once] == [1, 2]
    assert (len(always), len(tiles)) == (2, told)


def test_a_checkpoint_of_another_dream_is_refused(toy, photo, tmp_path):
    path = tmp_path / "dream.npz"
    dreamer = Dreamer("animals", toy, layers="conv3", octaves=2, steps=1)
    dreamer.dream(photo, checkpoint=path)
    with pytest.raises(ValueError, match="`resume` needs the pictures and settings .*pictures"):
        dreamer.dream(1 - photo, checkpoint=path)
    other = Dreamer("animals", toy, layers="conv3", octaves=2, steps=2)
    with pytest.raises(ValueError, match="`resume` needs the pictures and settings .*steps"):
        other.dream(photo, checkpoint=path)
