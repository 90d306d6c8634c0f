"""The arrows of the house: reading never imports training, nothing under model/ knows gradio."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.glob("model/**/*.py"))]
READING = [module for module in MODULES if not module.startswith("model.training")]


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [(READING, {"model.training", "torchvision", "gradio", "app", "train"}), (MODULES, {"gradio", "app", "train"})],
    ids=["reading", "all of model"],
)
def test_importing_brings_nothing_it_should_not(modules, unwanted):
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not unwanted & set(loaded.split())
