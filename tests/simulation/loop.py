"""An event loop of our own: time passes when nothing can run, and a seed picks what runs next.

Everything that could run now is in one bag, and the scheduler draws from it: no order between two
callbacks is promised but the one that the code itself makes. The same seed draws the same way. What
belongs to a process that has died (`OWNER`) never runs again, as after a power cut: no `finally`, no
`except`, nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from asyncio import current_task, events, tasks
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from random import Random
from typing import Any, Protocol, TypeVar, cast
from unittest.mock import patch

T = TypeVar("T")

MOST_STEPS = 100_000
"""Callbacks in one night; most take three thousand, and beyond this something runs in circles."""


class Mortal(Protocol):
    """Whoever callbacks belong to."""

    is_dead: bool


OWNER: contextvars.ContextVar[Mortal | None] = contextvars.ContextVar("owner", default=None)


class PowerCut(BaseException):
    """The process that was running is gone. Nothing of it may catch this and go on."""


class Endless(RuntimeError):
    """The night does not come to an end."""


class Handle:
    """One callback, until it runs or is cancelled."""

    __slots__ = ("_args", "_callback", "_cancelled", "_context", "_when")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context, when: float = 0.0
    ) -> None:
        self._callback, self._args, self._context, self._when = callback, args, context, when
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True

    def cancelled(self) -> bool:
        return self._cancelled

    def when(self) -> float:
        return self._when


class Loop:
    """Runs one night: what asyncio asks of a loop, and our code of asyncio. Not for threads."""

    def __init__(self, random: Random) -> None:
        self._draw = random.random
        self._ready: list[Handle] = []
        self._timers: list[tuple[float, int, Handle]] = []
        self._jobs: dict[int, deque[tuple[Mortal | None, asyncio.Future[Any], Callable[[], Any]]]] = {}
        self._itself = cast("asyncio.AbstractEventLoop", self)
        self._now = 0.0
        self._made = 0
        self._coroutines: list[Any] = []
        self.steps = 0
        self.complaints: list[str] = []

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run this to its end; what else is under way then stays where it is.

        Raises:
            Endless: it never ends.
        """
        before = events._get_running_loop()
        events._set_running_loop(self._itself)
        try:
            with self._alone():
                task = self.create_task(main)
                self._run_until(task.done)
                result: T = task.result()
                return result
        finally:
            events._set_running_loop(before)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Whoever asks which loop runs is told this one. asyncio asks the system for its process each time as well."""

        def running() -> asyncio.AbstractEventLoop:
            return self._itself

        def current(loop: asyncio.AbstractEventLoop | None = None) -> asyncio.Task[Any] | None:
            return current_task(loop or self._itself)

        with ExitStack() as stack:
            for where, name, what in (
                (asyncio, "get_running_loop", running),
                (events, "get_running_loop", running),
                (events, "_get_running_loop", running),
                (tasks, "current_task", current),
            ):
                stack.enter_context(patch.object(where, name, what))
            yield

    def close(self) -> None:
        """Let go of everything that is still under way."""
        self._ready.clear()
        self._timers.clear()
        for coroutine in self._coroutines:
            with suppress(RuntimeError, ValueError):  # One that does not let go, or that is running this.
                coroutine.close()
        self._coroutines.clear()

    def skip(self, to: float) -> None:
        """Let time pass, all at once: what was to happen meanwhile is late."""
        self._now = max(self._now, to)

    def _run_until(self, is_done: Callable[[], bool]) -> None:
        """One callback after another; most of a night's time goes by here, so nothing is called that need not be."""
        draw, timers, ready = self._draw, self._timers, self._ready
        while not is_done():
            if not ready:
                while timers and timers[0][2]._cancelled:
                    heapq.heappop(timers)
                if not timers:
                    raise Endless("everybody waits, and nothing is going to happen")
                self._now = max(self._now, timers[0][0])
            while timers and timers[0][0] <= self._now:
                ready.append(heapq.heappop(timers)[2])
            place = int(draw() * len(ready))
            handle = ready[place]
            ready[place] = ready[-1]
            ready.pop()
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)
            if owner is not None and owner.is_dead:
                continue
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise Endless(f"after {self.steps:,} steps the night is not over")
            try:
                handle._context.run(handle._callback, *handle._args)
            except PowerCut:
                continue

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None) -> Any:
        handle = Handle(callback, args, contextvars.copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> Any:
        handle = Handle(callback, args, contextvars.copy_context() if context is None else context, when)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, handle))
        return handle

    def time(self) -> float:
        return self._now

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._itself)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None, **_: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self._itself, name=name, context=context)
        self._coroutines.append(coro)
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # Whoever dies leaves tasks behind.
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Done here, at a moment that the scheduler picks; what one executor is given, in the order given."""
        future, jobs = self.create_future(), self._jobs.setdefault(id(executor), deque())
        jobs.append((OWNER.get(), future, lambda: func(*args)))
        self.call_soon(self._work, jobs)
        return future

    def _work(self, jobs: deque[tuple[Mortal | None, asyncio.Future[Any], Callable[[], Any]]]) -> None:
        while jobs and jobs[0][0] is not None and jobs[0][0].is_dead:
            jobs.popleft()
        if not jobs:
            return
        _, future, job = jobs.popleft()
        if future.cancelled():
            return
        try:
            result = job()
        except PowerCut:
            return
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")
