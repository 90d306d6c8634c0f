"""The arrows of the house: reading never imports training, nothing under model/ knows gradio."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import model, model.__main__", ["model.training", "torchvision", "gradio"]),
        ("import train", ["gradio", "app"]),
    ],
)
def test_importing_brings_nothing_it_should_not(statement, unwanted):
    loaded = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not set(unwanted) & set(loaded)
