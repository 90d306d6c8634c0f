"""The progress display of a training run, and how Ctrl-C interrupts the run."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from tqdm import tqdm

from model.training import distributed
from model.training.recipes import Recipe


class Bar(tqdm):
    """The progress bar of a run over n digits, shown by the first process."""

    def __init__(self, recipe: Recipe, n: int, done: int):
        self.epochs, quiet = recipe.epochs, distributed.rank() > 0
        super().__init__(total=recipe.epochs * n, initial=done * n, unit=" images", unit_scale=True, disable=quiet)

    def move(self, n: int, epoch: int, sums: list[float], rate: float) -> None:
        """Advance the bar by n digits; `sums` are the epoch's total loss, digits read correctly, and digits seen."""
        loss, right, seen = sums
        self.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.set_postfix_str(
            f"loss {loss / seen:.4f}, {right / seen:.2%} right, learning rate {rate:.1e}", refresh=False
        )
        self.update(n)

    def log_epoch(self, epoch: int, last: dict[str, float]) -> None:
        """Print a line about a finished epoch."""
        if not self.disable:
            tqdm.write(
                f"epoch {epoch}/{self.epochs}: loss {last['loss']:.4f}, {last['accuracy']:.2%} right; "
                f"validation: loss {last['validation_loss']:.4f}, {last['validation_accuracy']:.2%} right"
            )


@contextlib.contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C only set a flag, so that the current step finishes; the second interrupts at once."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield lambda: False
        return
    noticed = threading.Event()

    def notice(*_) -> None:
        noticed.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, notice)
    try:
        yield noticed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
