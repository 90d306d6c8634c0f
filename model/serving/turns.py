"""Whose turn it is: sessions take turns, and a flooding client slows only itself."""

import asyncio
import functools
import multiprocessing
import os
import signal
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

MOST_CLIENTS = 1000  # maximum number of clients that are remembered


class BusyError(Exception):
    """Too many questions are waiting; the message says what to do."""


class Person:
    """A client: how many of its questions wait, when the last one was started, and a lock that keeps their order."""

    def __init__(self):
        self.waiting, self.last, self.order = 0, float("-inf"), asyncio.Lock()


class Turns:
    """A fair scheduler: one client's questions run in order and one at a time, those of several clients in parallel.

    A client that asks faster than it is answered delays only itself: waiting clients take turns.

    Args:
        at_once: how many questions run in parallel.
        each: maximum number of one client's questions that wait.
        everybody: maximum number of all questions that wait.
        pace: minimum seconds between the starts of two questions of one client.
        processes: whether work runs in processes instead of threads. Threads wait for each other, because Python's code
            runs in one at a time: 200 people drawing get 35 answers a second from two threads, 50 from two processes.
    """

    def __init__(self, at_once: int, each: int, everybody: int, pace: float = 0.0, processes: bool = False):
        self.at_once, self.each, self.everybody, self.pace = at_once, each, everybody, pace
        self.processes = processes
        self.workers = asyncio.Semaphore(at_once)  # first come, first served; one question per client queues here
        self.people: OrderedDict[str, Person] = OrderedDict()
        self.turns: set[asyncio.Task] = set()  # asyncio itself keeps only weak references
        self.waiting = 0

    @functools.cached_property
    def executor(self) -> Executor:
        """Our own few threads or processes, since each retains memory of its work."""
        if self.processes:
            return ProcessPoolExecutor(self.at_once, multiprocessing.get_context("spawn"), _follow_the_server)
        return ThreadPoolExecutor(self.at_once)

    def warm_up(self) -> None:
        """Start all threads or processes now, so that the first questions need not wait for them."""
        for _ in range(self.at_once):
            self.executor.submit(time.sleep, 0.1)

    async def take(self, who: str, work: Callable[..., T], *arguments: Any) -> T:
        """Run work when the client's turn comes, and return its result.

        Raises:
            BusyError: too many questions are waiting already, from this client or in total; or the process that did
                the work died.
        """
        person = self._person(who)
        if person.waiting >= self.each:
            raise BusyError("You ask faster than can be answered. Wait a moment, then go on")
        if self.waiting >= self.everybody:
            raise BusyError("Many people are asking just now. Wait a moment, then try again")
        person.waiting, self.waiting = person.waiting + 1, self.waiting + 1
        turn = asyncio.create_task(self._turn(person, work, *arguments))
        self.turns.add(turn)
        turn.add_done_callback(self.turns.discard)
        return await asyncio.shield(turn)  # work cannot be stopped: a client that leaves keeps its place

    async def _turn(self, person: Person, work: Callable[..., T], *arguments: Any) -> T:
        try:
            async with person.order:
                await asyncio.sleep(person.last + self.pace - time.monotonic())
                async with self.workers:
                    person.last = time.monotonic()
                    return await self._run(work, *arguments)
        finally:
            person.waiting, self.waiting = person.waiting - 1, self.waiting - 1

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        executor = self.executor
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
        except BrokenExecutor:
            if self.executor is executor:
                del self.executor  # the next question starts new processes
            raise BusyError("Reading was interrupted. Try again") from None

    def _person(self, who: str) -> Person:
        person = self.people.setdefault(who, Person())
        self.people.move_to_end(who)
        for name in list(self.people)[: max(0, len(self.people) - MOST_CLIENTS)]:
            if not self.people[name].waiting:
                del self.people[name]
        return person


def _follow_the_server() -> None:
    """Let Ctrl-C end the server alone, and end this process when the server has ended, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
