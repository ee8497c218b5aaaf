"""SpectralFormer: a transformer over groups of neighbouring bands.

Hong, Han, Yao, Gao, Zhang, Plaza, Chanussot: "SpectralFormer: Rethinking Hyperspectral Image
Classification with Transformers", IEEE Transactions on Geoscience and Remote Sensing 60 (2022)
5518615, doi:10.1109/TGRS.2021.3130716.

Every band with its neighbours on both sides, all pixels of the patch, becomes a word of 64
features (the spectrum is closed to a ring for that). With a word for the class, and learnt places,
the words go through five layers of attention (4 heads of 16 features) and a small dense network;
from the third layer on, what came into the layer two before is mixed in again, word by word
across all words. What has become of the word for the class decides.

Bands are words and have places: the network knows as many as it was built for. The dense layer on
a word sees all pixels of the patch, and attention all words: every window is computed by itself
(``models.windowed``). With a patch of one pixel it is the pixel-wise network of the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .activations import make_activation
from .stages import Stage
from .units import WORDS, check_bands, widened
from .windowed import Windowed

FEATURES = 64  # of a word
HEAD = 16  # features of a head
NARROW = 8  # features in the middle of a layer's dense network
BACK = 2  # layers that a skip goes back


class BandGroups(nn.Module):
    """Every band with its neighbours, all pixels of the patch, as a word.

    Args:
        bands: of a spectrum, at least as many as a group.
        group: bands of a word, odd.
        pixels: of a patch.
        features: of a word.

    Shapes:
        ``(N, bands, side, side) -> (N, bands, features)``.
    """

    slides_over_bands = True  # inputs of its weights are not the pixel's inputs
    ring: Tensor

    def __init__(self, bands: int, group: int, pixels: int, features: int) -> None:
        super().__init__()
        near = torch.arange(bands)[:, None] + torch.arange(group) - group // 2
        self.register_buffer("ring", near % bands, persistent=False)
        self.dense = nn.Linear(group * pixels, features)

    def forward(self, patches: Tensor) -> Tensor:
        """Return the words; see the class for shapes."""
        words: Tensor = self.dense(patches.flatten(2)[:, self.ring].flatten(2))
        return words


class Places(nn.Module):
    """Puts the word for the class before the others, and adds its place to each.

    Shapes:
        ``(N, words, features) -> (N, words + 1, features)``.
    """

    def __init__(self, words: int, features: int, dropout: float) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(1, words + 1, features))
        self.class_word = nn.Parameter(torch.randn(1, 1, features))
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Tensor) -> Tensor:
        """Return all words; see the class for shapes."""
        first = self.class_word.expand(len(words), -1, -1)
        found: Tensor = self.dropout(torch.cat([first, words], 1) + self.places)
        return found


class Skip(nn.Linear):
    """Mixes words with those of an earlier layer, each feature by itself.

    Args:
        words: in either.

    Shapes:
        Twice ``(N, words, features)`` to one of the same.
    """

    def __init__(self, words: int) -> None:
        super().__init__(2 * words, words)

    def forward(self, words: Tensor, earlier: Tensor) -> Tensor:  # type: ignore[override]
        """Return the mixture; see the class for shapes."""
        return torch.matmul(self.weight, torch.cat([words, earlier], 1)) + self.bias[:, None]


class Attention(nn.Module):
    """Attention of all words to all, added to what came in.

    Args:
        features: of a word.
        heads: that attend side by side.
        dropout: share of the result that training drops.

    Shapes:
        ``(N, words, features)`` to the same.
    """

    def __init__(self, features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(features)
        self.asked = nn.Linear(features, 3 * heads * HEAD, bias=False)
        self.answer = nn.Sequential(nn.Linear(heads * HEAD, features), nn.Dropout(dropout))

    def forward(self, words: Tensor) -> Tensor:
        """Return what goes on; see the class for shapes."""
        parts = self.asked(self.norm(words)).unflatten(2, (3, self.heads, HEAD))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value)
        answer: Tensor = self.answer(found.transpose(1, 2).flatten(2))
        return words + answer


class SpectralWords(nn.Module):
    """The network of single patches.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        side: of the patch, in pixels.
        group: bands of a word, odd.
        depth: layers.
        heads: of every layer's attention.
        width: factor on the features of a word and of the dense networks.
        activation: of the dense networks, a name from ``models.activations``.
        dropout: share that training drops of words and of what every layer adds.

    Shapes:
        ``(N, bands, side, side) -> (N, outputs)``.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        side: int,
        group: int,
        depth: int,
        heads: int,
        width: float,
        activation: str,
        dropout: float,
    ) -> None:
        super().__init__()
        features, narrow = widened(FEATURES, width), widened(NARROW, width)
        self.group, self.activation = group, WORDS[activation]
        self.words = BandGroups(bands, group, side**2, features)
        self.places = Places(bands, features, dropout)
        self.skips = nn.ModuleList(Skip(bands + 1) for _ in range(depth - BACK))
        self.attention = nn.ModuleList(Attention(features, heads, dropout) for _ in range(depth))
        self.dense = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(features),
                nn.Linear(features, narrow),
                make_activation(activation),
                nn.Dropout(dropout),
                nn.Linear(narrow, features),
                nn.Dropout(dropout),
            )
            for _ in range(depth)
        )
        self.classes = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, outputs))

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        words = ("", "words", "features")
        near = f" with its neighbours, {self.group} in all," if self.group > 1 else ""
        told = [
            Stage(
                f"Every band{near} as a word: dense layer", words, self.words, None, (self.words,)
            ),
            Stage("A word for the class; places", words, self.places, None, (self.places,)),
        ]
        for place, (attention, dense) in enumerate(zip(self.attention, self.dense)):
            if place >= BACK:
                skip = self.skips[place - BACK]
                mixed = f"Mixed with what came into the layer {BACK} before"
                told.append(Stage(mixed, words, skip, modules=(skip,)))
            told.append(
                Stage(
                    f"Attention of all words to all ({attention.heads} heads), added",
                    words,
                    attention,
                    modules=(attention,),
                )
            )
            told.append(
                Stage(
                    f"Dense layer on every word, {self.activation}, dense layer, added",
                    words,
                    dense,
                    modules=(dense,),
                )
            )
        last = "The word for the class: dense layer"
        told.append(Stage(last, ("", "classes"), self.classes, modules=(self.classes,)))
        return told

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        words = self.places(self.words(inputs))
        entered: list[Tensor] = []
        for place, (attention, dense) in enumerate(zip(self.attention, self.dense)):
            entered.append(words)
            if place >= BACK:
                words = self.skips[place - BACK](words, entered[place - BACK])
            words = attention(words)
            words = words + dense(words)
        scores: Tensor = self.classes(words[:, 0])
        return scores


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 7,
    group: int = 3,
    depth: int = 5,
    heads: int = 4,
    width: float = 1.0,
    activation: str = "gelu",
    dropout: float = 0.1,
) -> Windowed:
    """Build the network from the catalog's plain options.

    Raises:
        ValueError: there are fewer bands than a group has.
    """
    check_bands("SpectralFormer", bands, lambda count: [count - group + 1])
    net = SpectralWords(
        bands,
        outputs,
        side=patch_size,
        group=group,
        depth=depth,
        heads=heads,
        width=width,
        activation=activation,
        dropout=dropout,
    )
    return Windowed(net, patch_size // 2)
