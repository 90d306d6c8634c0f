"""Baselines for training speed: PyTorch's MNIST example, and a plain loop over our own recipe."""

import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy, nll_loss
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from model.networks import build
from model.training.loop import learning_rate_factor
from model.training.recipes import Recipe


class Example(nn.Module):
    """The network of PyTorch's MNIST example (https://github.com/pytorch/examples/blob/main/mnist/main.py)."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(9216, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as in every module
        return self.body(x)


def train_example(folder: Path, seed: int) -> Iterator[tuple[float, float]]:
    """Train `Example` as the original does; after each epoch, yield the training seconds so far and test accuracy."""
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    digits = DataLoader(MNIST(folder, train=True, transform=transform), batch_size=64, shuffle=True)
    test = DataLoader(MNIST(folder, train=False, transform=transform), batch_size=1000)
    net = Example()
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    schedule = StepLR(optimizer, step_size=1, gamma=0.7)
    seconds = 0.0
    while True:
        start = time.perf_counter()
        net.train()
        for images, labels in digits:
            optimizer.zero_grad()
            nll_loss(net(images), labels).backward()
            optimizer.step()
        schedule.step()
        seconds += time.perf_counter() - start
        net.eval()
        with torch.no_grad():
            right = sum(int((net(images).argmax(dim=1) == labels).sum()) for images, labels in test)
        yield seconds, right / len(test.dataset)


def train_plainly(recipe: Recipe, glyphs: torch.Tensor, labels: torch.Tensor, seed: int) -> nn.Module:
    """Train a digits-only network with its recipe, in a loop that is not optimised for speed: float32, torch's default
    memory format.

    The batches are those of `model.training.loop.train`.
    """
    torch.manual_seed(seed)
    net = build(recipe.network)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = -(-len(labels) // recipe.batch_size)
    for epoch in range(recipe.epochs):
        for i, chosen in enumerate(torch.randperm(len(labels)).split(recipe.batch_size)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * learning_rate_factor(
                    (epoch * batches + i) / (recipe.epochs * batches)
                )
            optimizer.zero_grad()
            cross_entropy(net(glyphs[chosen]), labels[chosen]).backward()
            optimizer.step()
    return net.eval()
