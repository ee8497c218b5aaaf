"""Options that many networks have, in the same words everywhere."""

from __future__ import annotations

from ..entry import Option

ACTIVATIONS = ("relu", "leaky", "prelu", "gelu", "tanh")
ORDERS = ("convolution-norm-activation", "convolution-activation-norm")
NORMS = ("none", "batch")
PADDINGS = ("published", "none", "same")


def activation(default: str = "relu") -> Option:
    """Return the choice of what follows every layer; ``models.activations`` makes it."""
    return Option(
        "activation",
        "Activation",
        "choice",
        default,
        choices=ACTIVATIONS,
        help="What every layer's values go through: ReLU, leaky ReLU, PReLU (a slope that is "
        "learnt), GELU or tanh.",
    )


def order(default: str = ORDERS[0]) -> Option:
    """Return the choice whether batch norm comes before or after the activation."""
    return Option(
        "order",
        "Order of layers",
        "choice",
        default,
        choices=ORDERS,
        help="Whether batch norm comes before or after the activation.",
    )


def dropout(default: float) -> Option:
    """Return the share of features that training drops at random."""
    return Option(
        "dropout",
        "Dropout",
        "float",
        default,
        0.0,
        0.95,
        help="Share of the features that training leaves out at random: more against learning by "
        "heart, less where the network learns too little.",
    )


def width(default: float = 1.0) -> Option:
    """Return the factor on the channels of all hidden layers."""
    return Option(
        "width",
        "Width",
        "float",
        default,
        0.125,
        8.0,
        help="Factor on the channels of every hidden layer: 1 is the published network.",
    )


def norm(default: str = NORMS[0]) -> Option:
    """Return the choice of batch norms with every layer."""
    return Option(
        "norm",
        "Norm",
        "choice",
        default,
        choices=NORMS,
        help="Batch norm with every hidden layer, which often learns faster, or none.",
    )


def padding() -> Option:
    """Return the choice of what convolutions find beyond the ends of the spectrum."""
    return Option(
        "padding",
        "Padding of the spectrum",
        "choice",
        PADDINGS[0],
        choices=PADDINGS,
        help="Zeros beyond the ends of the spectrum: as published, none (needs more bands), or as "
        "many as keep its length.",
    )


def depth(default: int, minimum: int, maximum: int, what: str) -> Option:
    """Return the number of layers of some kind.

    Args:
        default: as published.
        minimum: the fewest.
        maximum: the most.
        what: the layers, in plural.
    """
    return Option(
        "depth",
        "Depth",
        "int",
        default,
        minimum,
        maximum,
        help=f"Number of {what}.",
    )
