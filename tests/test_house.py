"""Layering: inference imports no training, evaluation or serving; only app.py and serving import gradio."""

import ast
import collections
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model import weights

ROOT = Path(__file__).parent.parent
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.glob("model/**/*.py"))]
READING = [one for one in MODULES if not one.startswith(("model.training", "model.evaluation", "model.serving"))]
TRAINING = [one for one in MODULES if one.startswith("model.training")]
MEASURING = [one for one in MODULES if one.startswith("model.evaluation")]
APART = {"model.serving", "gradio", "app", "train"}


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        (READING, {"model.training", "model.evaluation", "torchvision"} | APART),
        (TRAINING, {"model.evaluation"} | APART),
        (MEASURING, APART),
    ],
    ids=["reading", "training", "evaluation"],
)
@pytest.mark.slow
def test_imports_respect_the_layers(modules, unwanted):
    script = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not unwanted & set(loaded.split())


def test_a_constant_has_one_meaning_in_the_whole_tree():
    defined = collections.defaultdict(list)
    for path in [*ROOT.glob("*.py"), *ROOT.glob("model/**/*.py"), *ROOT.glob("scripts/*.py")]:
        for line in ast.parse(path.read_text()).body:
            for name in ast.walk(line) if isinstance(line, ast.Assign | ast.AnnAssign) else ():
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store) and name.id.isupper():
                    defined[name.id].append(path.name)
    for path in ROOT.glob("model/**/*.js"):
        for name in re.findall(r"^\s*(?:export )?const ([A-Z_]+) = ", path.read_text(), re.MULTILINE):
            defined[name].append(path.name)
    assert len(defined) > 230
    for name in ("SIDE", "LONG", "MIN_CONTRAST", "CONFIDENT", "NOT_FOUND"):
        assert len(defined.pop(name)) == 2
    assert {name: paths for name, paths in defined.items() if len(paths) > 1} == {}


def test_nothing_is_unpickled():
    """Weights and checkpoints are data: none of our code loads a pickle, neither through torch nor through numpy."""
    code = [*ROOT.glob("*.py"), *ROOT.glob("model/**/*.py")]
    assert len(code) > 30
    unsafe = re.compile(r"import pickle|allow_pickle|torch\.load|joblib|marshal|(?<!\.)\b(eval|exec)\(")
    assert [path for path in code if unsafe.search(path.read_text())] == []


def test_reading_weights_needs_no_pickle(monkeypatch):
    for module in (pickle, torch.serialization.pickle):
        for name in ("load", "loads", "Unpickler"):
            monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("unpickled"))
    weights.load("world")
