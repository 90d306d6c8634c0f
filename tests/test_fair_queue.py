import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from model.serving import fair_queue
from model.serving.fair_queue import BusyError, FairQueue


def run(coroutine):
    """Run a coroutine in its own event loop, even if the browser's loop is running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def counted():
    """Return work that takes some seconds, and how many others were running as each began, itself included."""
    running, most = [], []

    def work(seconds):
        running.append(1)
        most.append(len(running))
        time.sleep(seconds)
        running.pop()

    return work, most


def test_requests_of_one_client_are_answered_in_order_and_one_at_a_time():
    done = []
    busy, most = counted()

    def work(i):
        busy(0.02 if i == 0 else 0)
        done.append(i)
        return i

    async def ask():
        queue = FairQueue(parallel=4, per_client=9, total=99)
        return await asyncio.gather(*(queue.run("anna", work, i) for i in range(6)))

    assert run(ask()) == done == list(range(6))
    assert max(most) == 1


def test_a_flooding_client_delays_only_itself():
    order = []

    async def ask():
        queue = FairQueue(parallel=1, per_client=50, total=99)
        flood = [asyncio.create_task(queue.run("flooder", order.append, "flooder")) for _ in range(50)]
        await asyncio.sleep(0)
        await queue.run("anna", order.append, "anna")
        await asyncio.gather(*flood)

    run(ask())
    assert order.index("anna") <= 2


def test_a_flooding_client_is_refused_and_others_only_when_the_queue_is_full():
    async def ask():
        queue = FairQueue(parallel=1, per_client=3, total=5)
        waiting = [asyncio.create_task(queue.run("flooder", time.sleep, 0.05)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="faster than the page can answer"):
            await queue.run("flooder", int)
        assert await queue.run("anna", int, "7") == 7
        waiting += [asyncio.create_task(queue.run(name, time.sleep, 0.05)) for name in ("bert", "carl", "dora")]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="busy"):
            await queue.run("emil", int)
        await asyncio.gather(*waiting)
        assert await queue.run("emil", int, "7") == 7

    run(ask())


def test_each_client_is_rate_limited_and_a_failure_releases_its_turn():
    async def ask():
        queue = FairQueue(parallel=2, per_client=9, total=9, interval=0.05)
        begun = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            await queue.run("anna", lambda: 1 / 0)
        for _ in range(3):
            await queue.run("anna", int)
        assert time.monotonic() - begun >= 0.15
        assert queue.waiting == queue.clients["anna"].waiting == 0

    run(ask())


def test_old_clients_are_forgotten(monkeypatch):
    monkeypatch.setattr(fair_queue, "MAX_CLIENTS", 10)

    async def ask():
        queue = FairQueue(parallel=2, per_client=2, total=9)
        for i in range(100):
            await queue.run(str(i), int)
        return len(queue.clients)

    assert run(ask()) == 10


def test_a_client_that_leaves_keeps_its_slot_until_its_work_is_done():
    """Work cannot be stopped: a cancelled request must not let more threads run at once."""
    work, most = counted()

    async def ask():
        queue = FairQueue(parallel=1, per_client=9, total=99)
        for i in range(4):
            one = asyncio.create_task(queue.run(str(i), work, 0.05))
            await asyncio.sleep(0.01)
            one.cancel()
        await queue.run("last", work, 0.05)
        assert queue.waiting == 0

    run(ask())
    assert max(most) == 1


@pytest.mark.slow
def test_a_process_that_dies_is_replaced():
    async def ask():
        queue = FairQueue(parallel=2, per_client=9, total=9, processes=True)
        first = await queue.run("anna", os.getpid)
        with pytest.raises(BusyError, match="interrupted"):
            await queue.run("anna", signal.raise_signal, signal.SIGKILL)
        second = await queue.run("bert", os.getpid)
        queue.executor.shutdown()
        return {os.getpid(), first, second}

    assert len(run(ask())) == 3


@pytest.mark.slow
def test_while_the_processes_start_this_one_does_the_work():
    async def ask():
        queue = FairQueue(parallel=2, per_client=9, total=9, processes=True)
        queue.warm_up()
        first = await queue.run("anna", os.getpid)
        await asyncio.gather(*map(asyncio.wrap_future, queue.starting))
        second = await queue.run("anna", os.getpid)
        queue.executor.shutdown()
        return first, second

    first, second = run(ask())
    assert first == os.getpid() != second


@pytest.mark.slow
def test_processes_end_with_a_server_that_is_killed():
    server = (
        "import asyncio, os, signal; from model.serving.fair_queue import FairQueue;"
        "queue = FairQueue(1, 9, 9, processes=True);"
        "print(asyncio.run(queue.run('anna', os.getpid)), flush=True); signal.raise_signal(signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", server], stdout=subprocess.PIPE, timeout=30, check=False)
    assert int(ended.stdout) > 0  # read to its end: the process, which would hold it open, has ended too
