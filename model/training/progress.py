"""The progress display of a training run, and how Ctrl-C interrupts the run."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from tqdm import tqdm

from model.training import distributed
from model.training.checkpoint import Progress
from model.training.recipes import Recipe


class Bar:
    """The progress bar of a run, shown by the first process."""

    def __init__(self, recipe: Recipe, n: int, progress: Progress):
        self.epochs = recipe.epochs
        quiet, done = distributed.rank() > 0, (progress.epoch - 1) * n
        self.bar = tqdm(total=recipe.epochs * n, initial=done, unit=" images", unit_scale=True, disable=quiet)

    def move(self, n: int, epoch: int, sums: list[float], rate: float) -> None:
        """Advance the bar by n digits; `sums` are the epoch's total loss, digits read correctly, and digits seen."""
        loss, right, seen = sums
        self.bar.set_description(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(
            f"loss {loss / seen:.4f}, {right / seen:.2%} right, learning rate {rate:.1e}", refresh=False
        )
        self.bar.update(n)

    def log_epoch(self, progress: Progress) -> None:
        """Print a line about the finished epoch."""
        if not self.bar.disable:
            last = progress.history[-1]
            tqdm.write(
                f"epoch {progress.epoch}/{self.epochs}: loss {last['loss']:.4f}, {last['accuracy']:.2%} right; "
                f"validation: loss {last['validation_loss']:.4f}, {last['validation_accuracy']:.2%} right"
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()


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
