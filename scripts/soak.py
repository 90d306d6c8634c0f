"""python -m scripts.soak [--minutes M] [--people N] ...: many people draw and upload, some of them maliciously.

Each answer is compared with the answer given without load. The run stops on its own; its exit code is 1 if an
answer was wrong, the server failed, its memory was still growing at the end, or its upload folder was too large.
"""

import json
import random
import re
import statistics
import sys
import threading
import time
import urllib.error
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from model.evaluation.benchmark import family, memory_mb
from model.evaluation.numbers import compose
from model.evaluation.strokes import STROKES, draw
from model.serving import events
from tests.conftest import Running, serve_page
from tests.digits import LETTER
from tests.guests import Guest, config_of, on_canvas
from tests.test_hostile import NASTY, VALID, saved

HOSTILE = 0.1  # fraction of the uploads
REQUESTS = 8  # requests while one digit is drawn
GROWTH = 0.05  # maximum growth of memory from the second quarter of the run to the last
FOLDER = 600  # maximum size of the upload folder in MB
TOOK = re.compile('<p class="took">.*?</p>')


def without_time(answer: str) -> str:
    """Remove the elapsed time from an answer, because it varies."""
    return TOOK.sub("", answer)


def canvases() -> list[tuple[str, set[str]]]:
    """Draw typical drawings: data URLs of the canvas, each with the expected answers: with a heat map, and without."""
    drawn = [on_canvas(strokes, 7 * place) for strokes in (*STROKES.values(), LETTER) for place in range(3)]
    return [
        (url, {without_time(events.answer_request({"picture": url}, explained)) for explained in (True, False)})
        for url in (on_canvas([]), *drawn)
    ]


def photos() -> dict[str, bytes]:
    """Make typical uploads: digits, numbers, and a picture at phone resolution."""
    generator = np.random.default_rng(0)
    files = {name: content for name, content in VALID.items() if "transparent" not in name}
    for digit, strokes in STROKES.items():
        large = Image.fromarray(draw(strokes, 14, 160, (70, 50))).resize((1400, 1400))
        files[f"photo of {digit}"] = saved(large.convert("RGB"), "JPEG")
    for text in ("314", "1592", "65"):
        number = compose([{"strokes": STROKES[int(one)]} for one in text], generator, touching=False)
        files[f"number {text}"] = saved(Image.fromarray(number), "JPEG")
    files["12 megapixels"] = saved(large.resize((4000, 3000)).convert("RGB"), "JPEG")
    return files


def hostile_files() -> dict[str, bytes]:
    """Make malicious files: bombs, false headers, and valid files corrupted at random."""
    generator = random.Random(0)
    files = {name: make() for name, (make, _) in NASTY.items()}
    for i in range(60):
        name, content = generator.choice(sorted(VALID.items()))
        broken = bytearray(content)
        for _ in range(generator.randint(1, 8)):
            broken[generator.randrange(len(broken))] = generator.randrange(256)
        files[f"{name}, broken {i}"] = bytes(broken[: generator.randint(len(broken) // 2, len(broken))])
    return files


def answers(files: dict[str, bytes], folder: Path) -> list[tuple[bytes, dict[str, object]]]:
    """Read files without load: return each with the answers of `read_digit`, `read_page` and the Photo tab."""
    path, read = folder / "picture", []
    for content in files.values():
        path.write_bytes(content)
        said: dict[str, object] = {"photo": without_time(events.answer_sheet(str(path), False)[0])}
        for method in ("read_digit", "read_page"):
            try:
                said[method] = json.loads(json.dumps(events.read(getattr(events.recognizer, method), path).as_dict()))
            except ValueError as error:
                said[method] = str(error)
        read.append((content, said))
    return read


class Record:
    """The timings, failures and wrong answers of all clients."""

    def __init__(self):
        self.times: dict[str, list[float]] = {"drawing": [], "upload and read": []}
        self.failures: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.busy = self.hostile = 0

    def timed(self, kind: str, ask, *arguments):
        """Send a request and record its time or its failure; return the answer or None."""
        began = time.monotonic()
        try:
            answer = ask(*arguments)
        except urllib.error.HTTPError as error:
            self.failures[f"{kind}: {error.code}"] += 1
            return None
        except (OSError, AssertionError) as error:
            self.failures[f"{kind}: {error!r:.200}"] += 1
            return None
        self.times[kind].append(1000 * (time.monotonic() - began))
        return answer


def person(seed: int, url: str, config: dict, work: tuple, until: float, options: Namespace, record: Record) -> None:
    """Alternate drawing and uploading until the deadline, as a new client every few rounds."""
    generator, (drawings, honest, bad) = random.Random(seed), work
    turn = 0
    while time.monotonic() < until:
        if turn % (5 * (REQUESTS + 1)) == 0:
            guest = Guest(url, config)
        turn += 1
        time.sleep(options.pause * (0.5 + generator.random()))
        if turn % (REQUESTS + 1):
            drawing, wanted = generator.choice(drawings)
            answer = record.timed("drawing", guest.read_drawing, drawing)
            if answer is not None and "data-busy" in answer:
                record.busy += 1
            elif answer is not None and without_time(answer) not in wanted:
                record.wrong.append(f"drawing: {answer[:300]}")
        elif options.uploads:
            hostile = generator.random() < HOSTILE
            record.hostile += hostile
            content, wanted = generator.choice(bad if hostile else honest)
            how = generator.choice(["photo", "read_digit", "read_page"])

            def upload(guest=guest, content=content, how=how):
                file = guest.upload(content)
                return guest.photo(file) if how == "photo" else guest.call(how, file)

            answer = record.timed("upload and read", upload)
            if answer is not None and (without_time(answer) if how == "photo" else answer) != wanted[how]:
                record.wrong.append(f"{how}: {str(answer)[:300]} instead of {str(wanted[how])[:300]}")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its child processes have used."""
    fields = [Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split() for one in family(pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / 100


def monitor(server: Running, seconds: float) -> tuple[float, float, float, int]:
    """Monitor the server for the given time.

    Returns:
        Its minimum and maximum memory in MB (the minimum is what it retains, the rest is working memory), and the size
        of its upload folder in MB and in files.
    """
    held, until = [], time.monotonic() + seconds
    while not held or time.monotonic() < until:
        time.sleep(min(0.5, max(0.0, until - time.monotonic())))
        held.append(sum(memory_mb(pid, "VmRSS") for pid in family(server.pid)))
    files = [path.stat().st_size for path in (server.folder / "uploads").rglob("*") if path.is_file()]
    return min(held), max(held), sum(files) / 1e6, len(files)


def soak(server: Running, options: Namespace) -> bool:
    """Put the page under load, print the results, and return whether it passed."""
    work = canvases(), *(answers(files, server.folder) for files in (photos(), hostile_files()))
    record, config = Record(), config_of(server.url)
    until, spent = time.monotonic() + 60 * options.minutes, cpu_seconds(server.pid)
    crowd = [
        threading.Thread(target=person, args=(i, server.url, config, work, until, options, record))
        for i in range(options.people)
    ]
    for one in crowd:
        one.start()
    print("| minute | MB, min. | max. | uploads, MB | files | drawings | uploads |\n|---|---|---|---|---|---|---|")
    levels, megabytes, began = [], 0.0, time.monotonic()
    for minute in range(1, options.minutes + 1):
        held, most, megabytes, files = monitor(server, began + 60 * minute - time.monotonic())
        done = " | ".join(f"{len(times):,}" for times in record.times.values())
        print(f"| {minute} | {held:.0f} | {most:.0f} | {megabytes:.0f} | {files:,} | {done} |", flush=True)
        levels.append(held)
    for one in crowd:
        one.join()
    for kind, times in ((kind, times) for kind, times in record.times.items() if times):
        p50, p95, p99 = np.quantile(times, (0.5, 0.95, 0.99))
        print(f"{kind}: n {len(times):,}, median {p50:.0f} ms, 95% within {p95:.0f}, 99% within {p99:.0f}")
    n, spent = max(1, sum(map(len, record.times.values()))), cpu_seconds(server.pid) - spent
    print(f"{n / 60 / options.minutes:.1f} answers a second; {1000 * spent / n:.0f} ms of CPU each; busy {record.busy}")
    tracebacks = (server.folder / "log").read_text().count("Traceback")
    print(f"hostile uploads {record.hostile}; wrong answers {len(record.wrong)}; failures {dict(record.failures)}")
    quarter = max(1, len(levels) // 4)
    level, before = statistics.median(levels[-quarter:]), statistics.median(levels[quarter : 2 * quarter] or levels)
    growth = level / before - 1
    print(f"unhandled exceptions in the log {tracebacks}; memory {level:.0f} MB, {growth:+.1%} since quarter 2")
    for one in record.wrong[:10]:
        print(one)
    failed = record.wrong or record.failures or tracebacks or (record.busy and options.people <= events.drawings.total)
    return not failed and growth < GROWTH and megabytes < FOLDER


def main(arguments: list[str] | None = None) -> int:
    """Run the soak; return the exit code."""
    parser = ArgumentParser(prog="python -m scripts.soak", description=__doc__.split(": ", 1)[1].split("\n")[0])
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--people", type=int, default=16)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between one person's requests, on average")
    parser.add_argument("--uploads", action=BooleanOptionalAction, default=True, help="also upload pictures")
    options = parser.parse_args(arguments)
    uploads = f"one upload in {1 / HOSTILE:.0f} malicious" if options.uploads else "no uploads"
    print(f"{options.people} people, {options.minutes} minutes, {uploads}")
    with serve_page() as server:
        return 0 if soak(server, options) else 1


if __name__ == "__main__":
    sys.exit(main())
