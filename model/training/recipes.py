"""How each network is trained: everything that decides its weights, but for the seed and the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """One way to train one network.

    Attributes:
        network: a name of `model.networks`.
        epochs: passes over the training digits.
        batch_size: digits a step.
        learning_rate: Adam's step size (Kingma and Ba 2015).
    """

    network: str
    epochs: int
    batch_size: int
    learning_rate: float


RECIPES = {"reference": Recipe("reference", epochs=10, batch_size=32, learning_rate=1e-3)}
