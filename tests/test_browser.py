"""reader.js in a real browser: it reads as Python does."""

import base64

import numpy as np
import pytest
import torch

from model import weights
from model.confidence import probabilities
from model.evaluation.strokes import STROKES, draw
from model.glyph import fit
from model.ink import ink
from model.networks import predict
from model.training.export import rounded, some_glyphs, to_static_page
from tests.conftest import serve_folder
from tests.test_live import grave

pytestmark = pytest.mark.slow
READ = """async ([images, width, height]) => {
  const { fit, inkOf } = await import("./reader.js");
  const data = Uint8Array.from(atob(images), (byte) => byte.charCodeAt(0));
  const size = width * height;
  const glyphs = [];
  for (let at = 0; at < data.length; at += size) {
    const rgba = new Uint8ClampedArray(4 * size);
    for (let i = 0; i < size; i++) rgba.fill(data[at + i], 4 * i, 4 * i + 3);
    glyphs.push([...fit(inkOf(new ImageData(rgba, width, height)))]);
  }
  return glyphs;
}"""
CLASSIFY = """async ([glyphs, change]) => {
  const { Reader } = await import("./reader.js");
  const reader = await Reader.load();
  reader.layers[2].weight[100] += change;
  const data = new Float32Array(Uint8Array.from(atob(glyphs), (byte) => byte.charCodeAt(0)).buffer);
  const answers = [];
  const began = performance.now();
  for (let at = 0; at < data.length; at += 784) {
    const { probabilities, score } = reader.readGlyph(data.subarray(at, at + 784));
    answers.push([...probabilities, score]);
  }
  return [answers, (performance.now() - began) / answers.length];
}"""


@pytest.fixture(scope="module")
def net():
    return weights.load("pocket")


@pytest.fixture(scope="module")
def host(net, tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    to_static_page(*net, folder)
    with serve_folder(folder) as address:
        yield address, folder


@pytest.fixture
def page(browser, host):
    context = browser.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    page.goto(host[0])
    page.wait_for_selector("html[data-ready]")
    yield page
    context.close()


def test_weights_that_cannot_be_loaded_are_said_so(browser, host):
    with browser.new_context() as context:
        page = context.new_page()
        page.route("**/pocket.bin", lambda route: route.abort())
        page.goto(host[0])
        page.get_by_text("The network could not be loaded").wait_for()


def packed(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def test_drawings_become_the_same_glyphs_as_in_python(page):
    random = np.random.default_rng(0)
    pictures = []
    for i in range(200):
        size, pen = random.uniform(25, 120), random.uniform(2, 14)
        shaken = [[np.add(point, random.normal(0, 0.02, 2)) for point in stroke] for stroke in STROKES[i % 10]]
        pictures.append(draw(shaken, pen, size, tuple(random.uniform(10, 30, 2)))[:160, :160])
    pictures = np.stack(pictures)
    theirs = [page.evaluate(READ, [packed(some), *some.shape[:0:-1]]) for some in np.split(pictures, 2)]
    ours = np.stack([fit(ink(picture)) for picture in pictures])
    assert np.abs(np.concatenate(theirs).reshape(ours.shape) - ours).max() < 1 / 255


def read_in_both(page, net, change):
    glyphs = some_glyphs()[:200]
    glyphs[0] = 0
    glyphs[0, :, 7:21, 7:21] = 1  # strokes too thick to trust
    theirs, milliseconds = page.evaluate(CLASSIFY, [packed(glyphs.numpy()), change])
    logits = predict(rounded(net[0]), glyphs)
    shares = probabilities(logits, glyphs[:, 0].numpy(), net[1]["calibration"])
    ours = torch.cat([shares, logits.logsumexp(1).sigmoid()[:, None]], 1)
    return float((torch.tensor(theirs) - ours).abs().max()), milliseconds


def test_glyphs_get_the_same_probabilities_as_in_python_unless_a_weight_differs(page, net):
    assert read_in_both(page, net, 0)[0] < 1e-3
    assert read_in_both(page, net, 0.05)[0] > 1e-3


SYMBOLS = """async ([drawing, width, height]) => {
  const { symbols } = await import("./reader.js");
  const data = Float32Array.from(atob(drawing), (byte) => byte.charCodeAt(0) / 255);
  return symbols({ data, width, height }).map(({ left, top, right, bottom, pieces, ink }) => [
    [left, top, right + 1, bottom + 1], pieces, ink.data.reduce((sum, value) => sum + value, 0)]);
}"""


def test_a_drawing_is_divided_into_its_symbols_from_left_to_right(page):
    """A 7, a colon, a 5 whose bar is apart, and a minus: boxes, number of pieces, and all of the ink."""
    drawing = np.zeros((100, 300), np.uint8)
    drawing[10:14, 10:50] = drawing[10:90, 46:50] = 255
    drawing[40:46, 70:76] = drawing[70:76, 71:77] = 255
    drawing[10:14, 105:140] = drawing[20:90, 100:135] = 255
    drawing[50:54, 170:200] = 255
    found = page.evaluate(SYMBOLS, [packed(drawing), *drawing.shape[::-1]])
    boxes, pieces, ink = zip(*found, strict=True)
    assert boxes == ([10, 10, 50, 90], [70, 40, 77, 76], [100, 10, 140, 90], [170, 50, 200, 54])
    assert pieces == (1, 2, 2, 1)
    assert sum(ink) == (drawing > 0).sum()


def test_the_static_page_has_no_serious_accessibility_violations(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("Look inside").click()
    replay(page, STROKES[3])
    page.locator(".maps canvas").nth(5).wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert grave(page) == [], scheme


def replay(page, strokes):
    box = page.locator("#pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + 130 + 130 * x, box["y"] + 60 + 150 * y) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def test_the_static_page_reads_offline_after_the_first_visit(page, host):
    page.wait_for_function("navigator.serviceWorker.controller || navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    for digit, strokes in STROKES.items():
        replay(page, strokes)
        page.locator("#answer output").get_by_text(str(digit), exact=True).wait_for()
        page.get_by_role("button", name="Clear").click()
        page.locator("#answer").get_by_text("Draw a digit").wait_for()


def test_the_static_page_leaves_the_caches_of_other_pages_on_its_host_alone(browser, host):
    context = browser.new_context()
    context.add_init_script("caches.open('another page')")
    page = context.new_page()
    page.goto(host[0])
    page.wait_for_function("navigator.serviceWorker.ready.then(({ active }) => active.state === 'activated')")
    assert page.evaluate("caches.keys().then((names) => names.length)") == 2
    context.close()


def test_the_answer_follows_the_pen_and_no_request_is_sent(page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 230, box["y"] + 80, steps=5)
    page.mouse.move(box["x"] + 180, box["y"] + 210, steps=5)
    page.locator("#answer output").get_by_text("7", exact=True).wait_for()
    page.mouse.up()
    assert not requests


def test_every_layer_is_shown_and_a_pixel_is_explained(page):
    page.get_by_text("Look inside").click()
    replay(page, STROKES[3])
    page.locator(".maps canvas").nth(5).wait_for()
    page.locator(".maps canvas").nth(1).click(position={"x": 20, "y": 20})
    page.get_by_text("Map 1 of layer 1").wait_for()
    said = page.locator(".patch").inner_text()
    value, total = float(said.split("row ")[1].split(": ")[1].split()[0]), float(said.split("bias: ")[1].split(";")[0])
    assert value == pytest.approx(max(0, total), abs=0.011)
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".maps canvas").count() == 0


def test_the_page_is_small(host):
    assert sum(file.stat().st_size for file in host[1].iterdir()) < 500_000
    assert (host[1] / "pocket.bin").stat().st_size <= 300_000
