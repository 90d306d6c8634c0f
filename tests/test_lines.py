import pytest
import torch

from model.networks import BLANK, SIGNS, SYMBOLS
from model.training import calibrate, lines
from model.training.data import mnist
from model.training.lines import Strips


@pytest.fixture(scope="module")
def pool(folder):
    torch.manual_seed(0)
    return Strips(*mnist(folder, train=True), per_shape=2)


@pytest.mark.parametrize("length", [1, 4, 6])
def test_a_batch_holds_one_symbol_for_each_chosen_digit(pool, monkeypatch, length):
    monkeypatch.setattr(lines, "LENGTHS", (length, length))
    batch, symbols = pool(torch.arange(120))
    assert symbols.shape == (120 // length, length)
    assert batch.shape[:3] == (120 // length, 1, 28)
    assert batch.shape[3] % 2 == 0
    assert 0 <= batch.min() <= batch.max() <= 1
    assert (batch.amax(dim=(1, 2, 3)) > 0.3).all()


@pytest.mark.parametrize("left", range(1, 6))
def test_the_last_few_digits_of_an_epoch_make_a_batch_too(pool, left):
    torch.manual_seed(0)
    for _ in range(10):
        batch, symbols = pool(torch.arange(left))
        assert len(batch) == len(symbols) >= 1
        assert symbols.shape[1] <= left


def test_signs_are_placed_only_where_they_are_valid(pool, monkeypatch):
    monkeypatch.setattr(lines, "LENGTHS", (4, 4))
    monkeypatch.setattr(lines, "MINUS", 1.0)
    monkeypatch.setattr(lines, "SIGN", 1.0)
    _, symbols = pool(torch.arange(480) % 120)
    signs = (symbols >= SYMBOLS.index(SIGNS[0])) & (symbols <= SYMBOLS.index(SIGNS[-1]))
    assert (symbols[:, 0] == SYMBOLS.index("-")).all()
    assert signs[:, 1:].sum(dim=1).tolist() == [1] * 120
    assert not signs[:, 3].any()
    assert len(symbols[:, 1:][signs[:, 1:]].unique()) == len(SIGNS)


def test_slashes_mostly_stand_as_in_dates(pool, monkeypatch):
    monkeypatch.setattr(lines, "LENGTHS", (5, 5))
    monkeypatch.setattr(lines, "SIGN", 1.0)
    _, symbols = pool(torch.arange(6000) % 120)
    places = (symbols == SYMBOLS.index("/")).nonzero()[:, 1]
    assert len(places) > 100
    assert 0.75 < (places == lines.DATES[5][0]).float().mean() < 0.95


def test_longer_numbers_give_wider_strips(pool, monkeypatch):
    widths = []
    for length in (1, 3, 6):
        monkeypatch.setattr(lines, "LENGTHS", (length, length))
        widths.append(pool(torch.arange(120))[0].shape[3])
    assert widths == sorted(widths)
    assert widths[0] < widths[1] < widths[2]


def test_a_strip_counts_as_correct_only_if_every_symbol_matches():
    symbols = torch.tensor([[4, 4, 2], [1, 0, 9]])
    columns = torch.tensor([[4, BLANK, 4, 4, BLANK, 2, 2, BLANK], [1, BLANK, 0, 0, 0, BLANK, 8, BLANK]])
    logits = 20.0 * torch.nn.functional.one_hot(columns, BLANK + 1)
    loss, right = Strips.loss_and_correct(logits, symbols, 0.0)
    assert right == 1
    good, _ = Strips.loss_and_correct(logits[:1], symbols[:1], 0.0)
    assert good < 1e-3 < loss


def test_a_ruled_line_crosses_the_strip_and_pales_only_where_the_number_stands():
    torch.manual_seed(0)
    start, end, wide = torch.full((200,), 20.0), torch.full((200,), 60.0), 90
    drawn = lines.ruled_lines(start, end, wide)
    assert drawn.shape == (200, 28, wide)
    assert 0 <= drawn.min() < drawn.max() <= 1
    inside, beyond = drawn[:, :, 25:55].amax(dim=(1, 2)), drawn[:, :, 15:20].amax(dim=(1, 2))
    assert (inside[beyond > 0] < 0.9 * beyond[beyond > 0]).float().mean().item() == pytest.approx(0.45, abs=0.15)
    assert (drawn[:, :, 20:60] > 0).any(dim=1).float().mean() > 0.95


def test_round_numbers_end_in_zeros_and_words_do_not(pool, monkeypatch):
    monkeypatch.setattr(lines, "LENGTHS", (5, 5))
    monkeypatch.setattr(lines, "ROUND", 1.0)
    monkeypatch.setattr(lines, "SIGN", 0.01)
    _, symbols = pool(torch.arange(600) % 120)
    words = round(lines.WORDS * 120)
    assert (symbols[words:, -1] == 0).all()
    assert not (symbols[:words] == 0).any()


class BlankTooLikely(torch.nn.Module):
    """Reads "77" in every strip, but each 7 only if the blank is lowered by 0.9; by 3 or more, one 7 in all."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(1, BLANK + 1, 1))
        torch.nn.init.zeros_(self.body[0].bias)

    def forward(self, strips):
        seven = torch.tensor([9.0, 6.0, 9.0])
        logits = self.body[0].bias.expand(len(strips), 3, -1).clone()
        logits[..., 7] += seven
        logits[..., BLANK] += 9.0 + torch.tensor([0.9, 0.0, 0.9])
        return logits


def test_the_ctc_blank_is_lowered_until_the_most_strips_are_read_exactly(monkeypatch):
    class Sevens:
        loss_and_correct = Strips.loss_and_correct

        def __init__(self, *_, **__):
            pass

        def __call__(self, chosen):
            return torch.zeros(len(chosen), 1, 28, 6), torch.full((len(chosen), 2), 7)

    monkeypatch.setattr(calibrate, "Strips", Sevens)
    monkeypatch.setattr(calibrate, "BATCHES", 2)
    net = torch.nn.Sequential(BlankTooLikely())
    assert calibrate.lower_blank(net, torch.zeros(4, 1, 28, 28), torch.zeros(4)) == 1.0
    assert net[-1].body[-1].bias.tolist() == [0.0] * BLANK + [-1.0]
    assert calibrate.lower_blank(net, torch.zeros(4, 1, 28, 28), torch.zeros(4)) == 0.0
