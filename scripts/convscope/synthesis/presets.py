"""The published settings, as plain data in the papers' own units; works without torch.

==============================  ===================================================================
key                             meaning
==============================  ===================================================================
parametrisation                 ``pixels``, or ``fourier``: coefficients of decorrelated colours
optimiser                       ``sgd`` or ``adam``
momentum                        of SGD
rate_policy                     ``constant``; ``progress``: the smaller of ``rate`` and ``gain`` /
                                |gradient|^2; ``length``: steps of one length, which is what makes
                                networks comparable; ``norm``: for images of norm one
rate                            of SGD, for pixels in 0..255 (``norm``: for images of norm one;
                                ``length``: the root mean square of what a gradient adds to the
                                step, in 0..255); Adam's: about the size of a step in 0..255
gain                            the rise of the score that ``progress`` aims at in a step
schedule                        [share of the iterations, factor of the rate], in turn; momentum
                                ends where the factor changes
iterations                      number of steps
start_noise                     standard deviation of the first noise, in 0..255
decay                           L2 decay: the share of the image lost in a step
blur_sigma, blur_every          Gaussian blur, in pixels, after every so many steps
clip                            keep pixels in the valid range
small_norm_percentile           pixels of a smaller norm over colours are set to the mean
small_contribution_percentile   the same for pixels of a smaller |sum of gradient x (-image)|
total_variation                 weight as in Mahendran & Vedaldi's code (halved there), or a list
                                of [share of an image's side that units see, weight up to there]
total_variation_beta            its exponent
alpha_norm                      weight as in their code (halved there)
alpha                           its exponent
jitter                          largest shift before a step, in pixels
shown                           which image is shown as uint8: ``last``, or ``best`` so far
==============================  ===================================================================

How the papers' units become ours is in ``convscope.synthesis.units``. The rates of Yosinski et al.
belong to CaffeNet; where gradients are smaller (SqueezeNet's by a factor of about 100) the images
stay grey, so that ``preset_settings`` takes a factor for them. The report gives no numbers
for its ladder (Fig. 35): these are ours, with steps of one length so that they serve any network,
longer ones the more the blur takes away. An even number of steps ends on a blur. Steps of one
length overshoot: without momentum, those of the strong blur (root mean square 12) threw the
probability of a class of SqueezeNet back to 0 every few steps, so that rounding alone decided what
the last image showed. With momentum the gradients that turn round cancel, those that last add up to
steps five times as long, and the probability stays.
"""

from typing import Any

NEUTRAL: dict[str, Any] = {
    "parametrisation": "pixels",
    "optimiser": "sgd",
    "momentum": 0.0,
    "rate_policy": "constant",
    "rate": 100.0,
    "gain": 0.0,
    "schedule": [[1.0, 1.0]],
    "iterations": 100,
    "start_noise": 10.0,
    "decay": 0.0,
    "blur_sigma": 0.0,
    "blur_every": 0,
    "clip": False,
    "small_norm_percentile": 0.0,
    "small_contribution_percentile": 0.0,
    "total_variation": 0.0,
    "total_variation_beta": 2.0,
    "alpha_norm": 0.0,
    "alpha": 6.0,
    "jitter": 0,
    "shown": "last",
}

_LADDER: dict[str, Any] = {"rate_policy": "length", "momentum": 0.8, "rate": 0.4}
_L2: dict[str, Any] = {**_LADDER, "decay": 0.01}
_BLURRED: dict[str, Any] = {**_L2, "blur_every": 2}
_STRONG: dict[str, Any] = {**_BLURRED, "blur_sigma": 1.5, "rate": 2.4}

LADDER: dict[str, dict[str, Any]] = {
    "ladder_a": _LADDER,
    "ladder_b": _L2,
    "ladder_c": {**_BLURRED, "blur_sigma": 0.5, "rate": 0.6},
    "ladder_d": {**_BLURRED, "blur_sigma": 1.0, "rate": 1.2},
    "ladder_e": _STRONG,
    "ladder_f": {**_STRONG, "clip": True},
}
"""The report's Fig. 35: nothing, L2, blur at growing strength, and clipping to the valid range."""

_PUBLISHED: dict[str, Any] = {"clip": True, "shown": "best"}
_PROGRESS: dict[str, Any] = {**_PUBLISHED, "rate_policy": "progress", "gain": 2.0}

YOSINSKI: dict[str, dict[str, Any]] = {
    "yosinski_1": {
        **_PROGRESS,
        "iterations": 500,
        "blur_sigma": 0.5,
        "blur_every": 4,
        "small_norm_percentile": 50.0,
    },
    "yosinski_2": {**_PUBLISHED, "iterations": 750, "decay": 0.3, "small_norm_percentile": 20.0},
    "yosinski_3": {
        **_PUBLISHED,
        "iterations": 1000,
        "decay": 0.0001,
        "blur_sigma": 1.0,
        "blur_every": 4,
    },
    "yosinski_4": {
        **_PROGRESS,
        "iterations": 1000,
        "rate": 1e8,
        "blur_sigma": 0.5,
        "blur_every": 4,
        "small_contribution_percentile": 90.0,
    },
}
"""Yosinski et al. (2015), Table 1 (doc/running-optimize-image.md); 3 made most of its images."""

_INVERSION: dict[str, Any] = {"iterations": 400, "start_noise": 68.9, "shown": "best"}
_DESCENT: dict[str, Any] = {
    **_INVERSION,
    "optimiser": "adam",
    "rate": 48.0,
    "schedule": [[0.5, 1.0], [0.25, 0.3], [0.15, 0.1], [0.1, 0.03]],
}
_PRIOR: dict[str, Any] = {
    "alpha_norm": 8e-10,
    "total_variation": [[0.28, 1.0], [0.65, 10.0], [1.0, 100.0]],
}

INVERSION: dict[str, dict[str, Any]] = {
    "published_prior": {**_DESCENT, **_PRIOR},
    "no_prior": _DESCENT,
    "mahendran_vedaldi": {
        **_INVERSION,
        **_PRIOR,
        "momentum": 0.9,
        "rate_policy": "norm",
        "rate": 0.004,
        "schedule": [[0.25, 1.0], [0.5, 0.1], [0.25, 0.01]],
    },
}
"""Mahendran & Vedaldi (2015), section 4 and Fig. 6 (deep-goggle, experiments/experiment_cnn.m).

The weight of the total variation grows with the layer: 1 up to CaffeNet's second rectified
convolution, whose units see 51 of 227 pixels, 10 from its pooling (67) up to the fourth (131), 100
from the fifth (163) on. Other networks take the weight by what their units see; by the number of
convolutions, small networks' last maps, which see little, lost more than E2 allows.
``mahendran_vedaldi`` descends as published, too, at a rate that belongs to CaffeNet.
SqueezeNet's first layers are flatter: of a photograph's middle, 96 pixels wide, E2 ends there at
0.27 (pool1), 0.26 (fire3's squeeze ReLU) and 0.25 (fire3), the last two at 0.22 and 0.20 after 2000
steps; but at twice the rate fire9 diverges, so that no one rate serves all layers.
``published_prior`` has the same prior and Adam, whose steps do not depend on how steep a layer is:
in the first half E2 is at most 0.24 after 130 steps on 64 pixels. Half of the steps stay long: at a
third of the rate and with a quarter, pool1 stayed at 0.26 even after 400. ``no_prior`` is the same
descent without penalties, for comparison.
"""

FOURIER: dict[str, dict[str, Any]] = {
    "fourier": {
        "parametrisation": "fourier",
        "optimiser": "adam",
        "rate": 2.0,
        "decay": 0.01,
        "jitter": 8,
    },
}
"""The parametrisation of Olah et al. (2017), smooth without a blur; the rates are ours."""

PRESETS = {**LADDER, **YOSINSKI, **FOURIER, **INVERSION}
