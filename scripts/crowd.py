"""python -m scripts.crowd [--people N] [--seconds S]: many people draw; when a pen rests, the page asks the server.

Each person draws something every few seconds. The command prints how long answers took, and how many requests were told
to wait.
"""

import asyncio
import random
import statistics
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import httpx

from model.evaluation.benchmark import family
from scripts.soak import canvases, without_time
from tests.conftest import serve_page
from tests.guests import Guest, config_of

PERIOD = 4.0  # seconds between two drawings of one person, on average


async def person(
    seed: int, client: httpx.AsyncClient, guest: Guest, drawings: list, until: float, record: list
) -> None:
    """Draw until the deadline; add the time in ms and the outcome of each request to the record."""
    generator = random.Random(seed)
    await asyncio.sleep(PERIOD * generator.random())
    while time.monotonic() < until:
        picture, wanted = generator.choice(drawings)
        began = time.monotonic()
        try:
            answer = await client.post(f"{guest.url}/component_server/", json=guest.question(picture))
            said = answer.json() if answer.status_code == 200 else f"HTTP {answer.status_code}"
        except (httpx.HTTPError, ValueError) as error:
            said = repr(error)
        kind = "busy" if "data-busy" in said else "right" if without_time(said) in wanted else said
        record.append((1000 * (time.monotonic() - began), kind))
        await asyncio.sleep(PERIOD * (0.5 + generator.random()))


async def crowd(people: int, seconds: float, url: str, drawings: list) -> list[tuple[float, str]]:
    """Let people draw for the given time; return the record of all their requests."""
    record: list[tuple[float, str]] = []
    config, until = config_of(url), time.monotonic() + seconds
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:
        everybody = (person(i, client, Guest(url, config), drawings, until, record) for i in range(people))
        await asyncio.gather(*everybody)
    return record


def main(arguments: list[str] | None = None) -> int:
    """Serve the page, let the crowd draw, and print what happened; return 1 if an answer was wrong or failed."""
    parser = ArgumentParser(prog="python -m scripts.crowd", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=40)
    options = parser.parse_args(arguments)
    drawings = canvases()[1:]
    with serve_page() as served:
        Guest(served.url, config_of(served.url)).read_drawing(drawings[0][0])
        time.sleep(PERIOD)  # the page answers; its other processes start meanwhile
        before = cpu_seconds(served.pid)
        record = asyncio.run(crowd(options.people, options.seconds, served.url, drawings))
        spent = cpu_seconds(served.pid) - before
    times = sorted(ms for ms, kind in record if kind == "right")
    busy = sum(kind == "busy" for _, kind in record)
    wrong = [kind for _, kind in record if kind not in ("right", "busy")]
    waited = f"{busy} told to wait, {len(wrong)} wrong"
    print(f"{options.people} people, {len(record)} requests: {len(times)} answered, {waited}")
    if times:
        print(f"median {statistics.median(times):.0f} ms, 95% within {times[int(0.95 * len(times))]:.0f} ms")
    rate, each = len(times) / options.seconds, 1000 * spent / max(1, len(times))
    print(f"{rate:.1f} answers a second; {each:.0f} ms of CPU each")
    for kind in wrong[:3]:
        print(kind[:300])
    return int(bool(wrong))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its child processes have used."""
    fields = [Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split() for one in family(pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / 100


if __name__ == "__main__":
    sys.exit(main())
