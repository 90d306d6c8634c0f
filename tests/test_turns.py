import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from model.serving import turns
from model.serving.turns import BusyError, Turns


def run(coroutine):
    """Run a coroutine in its own event loop, even if the browser's loop is running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def test_requests_of_one_client_are_answered_in_order_and_one_at_a_time():
    done, running, most = [], 0, 0
    lock = threading.Lock()

    def work(i):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02 if i == 0 else 0)
        with lock:
            running -= 1
        done.append(i)
        return i

    async def ask():
        turns = Turns(at_once=4, each=9, everybody=99)
        return await asyncio.gather(*(turns.take("anna", work, i) for i in range(6)))

    assert run(ask()) == done == list(range(6))
    assert most == 1


def test_a_flooding_client_delays_only_itself():
    order = []

    async def ask():
        turns = Turns(at_once=1, each=50, everybody=99)
        flood = [asyncio.create_task(turns.take("flooder", order.append, "flooder")) for _ in range(50)]
        await asyncio.sleep(0)
        await turns.take("anna", order.append, "anna")
        await asyncio.gather(*flood)

    run(ask())
    assert order.index("anna") <= 2


def test_a_flooding_client_is_refused_and_others_only_when_the_queue_is_full():
    async def ask():
        turns = Turns(at_once=1, each=3, everybody=5)
        waiting = [asyncio.create_task(turns.take("flooder", time.sleep, 0.05)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="faster than the page can answer"):
            await turns.take("flooder", int)
        assert await turns.take("anna", int, "7") == 7
        waiting += [asyncio.create_task(turns.take(name, time.sleep, 0.05)) for name in ("bert", "carl", "dora")]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="busy"):
            await turns.take("emil", int)
        await asyncio.gather(*waiting)
        assert await turns.take("emil", int, "7") == 7

    run(ask())


def test_each_client_is_rate_limited_and_a_failure_releases_its_turn():
    async def ask():
        turns = Turns(at_once=2, each=9, everybody=9, pace=0.05)
        begun = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            await turns.take("anna", lambda: 1 / 0)
        for _ in range(3):
            await turns.take("anna", int)
        assert time.monotonic() - begun >= 0.15
        assert turns.waiting == turns.clients["anna"].waiting == 0

    run(ask())


def test_old_clients_are_forgotten(monkeypatch):
    monkeypatch.setattr(turns, "MOST_CLIENTS", 10)

    async def ask():
        turns = Turns(at_once=2, each=2, everybody=9)
        for i in range(100):
            await turns.take(str(i), int)
        return len(turns.clients)

    assert run(ask()) == 10


def test_a_client_that_leaves_keeps_its_slot_until_its_work_is_done():
    """Work cannot be stopped: a cancelled request must not let more threads run at once."""
    running, most, lock = 0, 0, threading.Lock()

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1

    async def ask():
        turns = Turns(at_once=1, each=9, everybody=99)
        for i in range(4):
            one = asyncio.create_task(turns.take(str(i), work))
            await asyncio.sleep(0.01)
            one.cancel()
        await turns.take("last", work)
        assert turns.waiting == 0

    run(ask())
    assert most == 1


@pytest.mark.slow
def test_a_process_that_dies_is_replaced():
    async def ask():
        turns = Turns(at_once=2, each=9, everybody=9, processes=True)
        turns.warm_up()
        first = await turns.take("anna", os.getpid)
        with pytest.raises(BusyError, match="interrupted"):
            await turns.take("anna", signal.raise_signal, signal.SIGKILL)
        second = await turns.take("bert", os.getpid)
        turns.executor.shutdown()
        return {os.getpid(), first, second}

    assert len(run(ask())) == 3


@pytest.mark.slow
def test_processes_end_with_a_server_that_is_killed():
    server = (
        "import asyncio, os, signal; from model.serving.turns import Turns; turns = Turns(1, 9, 9, processes=True);"
        "print(asyncio.run(turns.take('anna', os.getpid)), flush=True); signal.raise_signal(signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", server], stdout=subprocess.PIPE, timeout=30, check=False)
    assert int(ended.stdout) > 0  # read to its end: the process, which would hold it open, has ended too
