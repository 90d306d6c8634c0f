"""Training recipes: everything that determines a network's weights, except the seed and the data."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """One way to train one network.

    Attributes:
        network: a name in `model.networks`.
        epochs: passes over the training digits.
        batch_size: digits per step.
        learning_rate: Adam's step size (Kingma and Ba 2015); with `annealed`, its peak.
        start: network to initialise matching layers from; "" for none.
        mixture: train on `model.training.glyphs`, which includes non-digits, instead of unmodified MNIST.
        strips: train on `model.training.lines`: numbers, with digits side by side.
        scenes: train on `model.training.scenes`: synthetic scenes with digits in them.
        annealed: warm up the learning rate over the first twentieth, then anneal it to zero along a cosine.
        weight_decay: as in AdamW (Loshchilov and Hutter 2019).
        averaging: decay per step of the running average of the weights, which is the final network; 0 for none.
        clipping: maximum gradient norm; longer gradients are scaled down to it (Pascanu et al. 2013); 0 for no limit.
        smoothing: label smoothing, the fraction of a label spread over all classes (Szegedy et al. 2016).
    """

    network: str
    epochs: int
    batch_size: int
    learning_rate: float
    start: str = ""
    mixture: bool = False
    strips: bool = False
    scenes: bool = False
    annealed: bool = True
    weight_decay: float = 0.02
    averaging: float = 0.0
    smoothing: float = 0.0
    clipping: float = 0.0


WORLD = Recipe("world", epochs=24, batch_size=128, learning_rate=3e-3, mixture=True, averaging=0.999, smoothing=0.02)

RECIPES = {
    "reference": Recipe("reference", epochs=10, batch_size=32, learning_rate=1e-3, weight_decay=0.0),
    "world": WORLD,
    "pocket": replace(WORLD, network="pocket", epochs=40),
    "quick": Recipe("quick", epochs=2, batch_size=128, learning_rate=4e-3),
    "line": Recipe("line", epochs=36, batch_size=96, learning_rate=2e-3, start="world", strips=True, averaging=0.999),
    "finder": Recipe(
        "finder", epochs=72, batch_size=192, learning_rate=3e-3, scenes=True, averaging=0.998, clipping=1.0
    ),
}
