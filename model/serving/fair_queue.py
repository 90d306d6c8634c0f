"""Fair scheduling: sessions take turns, and a flooding client slows down only itself."""

import asyncio
import functools
import multiprocessing
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

from model.memory import release_memory

T = TypeVar("T")

TRIM_INTERVAL = 10  # seconds between the times a process returns free memory
MAX_CLIENTS = 1000  # maximum number of clients that are remembered


class BusyError(Exception):
    """Too many requests are waiting, or a process died; the message says what to do."""


class Client:
    """A client: how many of its requests are waiting, when the last one started, and a lock that keeps their order."""

    def __init__(self):
        self.waiting, self.last, self.order = 0, float("-inf"), asyncio.Lock()


class FairQueue:
    """A fair scheduler: one client's requests run in order and one at a time, those of several clients in parallel.

    A client that asks faster than it is answered delays only itself: waiting clients take turns.

    Args:
        parallel: how many requests run in parallel.
        per_client: maximum number of waiting requests per client.
        total: maximum number of waiting requests in total.
        interval: minimum seconds between the starts of two requests of one client.
        processes: whether work runs in processes instead of threads. Threads wait for each other, because only one at a
            time runs Python code: 200 people drawing get 35 answers a second from two threads, 50 from two processes.
    """

    def __init__(self, parallel: int, per_client: int, total: int, interval: float = 0.0, processes: bool = False):
        self.parallel, self.per_client, self.total, self.interval = parallel, per_client, total, interval
        self.processes = processes
        self.workers = asyncio.Semaphore(parallel)  # first come, first served; one request per client queues here
        self.clients: OrderedDict[str, Client] = OrderedDict()
        self.tasks: set[asyncio.Task] = set()  # asyncio itself keeps only weak references
        self.starting: list[Future] = []  # each is done once a process has started
        self.waiting = 0

    @functools.cached_property
    def executor(self) -> Executor:
        """Our own few threads or processes, since each holds on to memory after its work."""
        if self.processes:
            return ProcessPoolExecutor(self.parallel, multiprocessing.get_context("spawn"), _begin)
        return ThreadPoolExecutor(self.parallel)

    def warm_up(self) -> None:
        """Start all threads or processes now; until processes have started, work runs in threads of this one."""
        self.starting = [self.executor.submit(time.sleep, 0.1) for _ in range(self.parallel)]

    async def run(self, name: str, work: Callable[..., T], *arguments: Any) -> T:
        """Run work when the client's turn comes, and return its result.

        Raises:
            BusyError: too many requests are waiting already, from this client or in total; or the process that did
                the work died.
        """
        client = self._client(name)
        if client.waiting >= self.per_client:
            raise BusyError("You are sending requests faster than the page can answer them. Wait a moment")
        if self.waiting >= self.total:
            raise BusyError("The page is busy right now. Wait a moment, then try again")
        client.waiting, self.waiting = client.waiting + 1, self.waiting + 1
        task = asyncio.create_task(self._in_turn(client, work, *arguments))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return await asyncio.shield(task)  # work cannot be stopped: a client that leaves keeps its place

    async def _in_turn(self, client: Client, work: Callable[..., T], *arguments: Any) -> T:
        try:
            async with client.order:
                await asyncio.sleep(client.last + self.interval - time.monotonic())
                async with self.workers:
                    client.last = time.monotonic()
                    return await self._run(work, *arguments)
        finally:
            client.waiting, self.waiting = client.waiting - 1, self.waiting - 1

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        executor = self.executor if all(one.done() for one in self.starting) else None  # None: the loop's own threads
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
        except BrokenExecutor as error:
            if self.executor is executor:
                print(f"starting new processes, since one died: {error}", file=sys.stderr)
                del self.executor
            raise BusyError("Reading was interrupted. Try again") from None

    def _client(self, name: str) -> Client:
        client = self.clients.setdefault(name, Client())
        self.clients.move_to_end(name)
        for other in list(self.clients)[: max(0, len(self.clients) - MAX_CLIENTS)]:
            if not self.clients[other].waiting:
                del self.clients[other]
        return client


def _begin() -> None:
    """Leave signals to the server, and end this process when the server has ended, even if it was killed."""
    if hasattr(os, "setsid"):  # not on Windows
        os.setsid()
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(server: multiprocessing.process.BaseProcess) -> None:
    while server.is_alive():
        release_memory()
        server.join(TRIM_INTERVAL)
    os._exit(1)
