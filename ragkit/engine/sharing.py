"""Work that callers at the same time share: what costs the same for many as for one.

A search goes through all vectors of a corpus, which takes as long as the memory needs to give them.
Searches that come while another one is under way wait for it and are then carried out together.
Nobody waits for company: who comes alone begins at once.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Ticket(Generic[TaskT, ResultT]):
    """A task of a caller who waits."""

    task: TaskT
    called: threading.Event = field(default_factory=threading.Event)
    result: list[ResultT] = field(default_factory=list)
    alone: bool = False
    leads: bool = False


class Shared(Generic[KeyT, TaskT, ResultT]):
    """Carries out tasks of one key together. Safe to use from several threads.

    Arguments:
        carry_out: carries out tasks of one key; returns their results in order.
        most: the most tasks that are carried out together.
        at_once: how many groups of one key are carried out at the same time.
    """

    def __init__(
        self,
        carry_out: Callable[[KeyT, Sequence[TaskT]], Sequence[ResultT]],
        *,
        most: int,
        at_once: int = 1,
    ) -> None:
        self._carry_out = carry_out
        self._most = most
        self._at_once = at_once
        self._lock = threading.Lock()
        self._waiting: defaultdict[KeyT, list[_Ticket[TaskT, ResultT]]] = defaultdict(list)
        self._leading: defaultdict[KeyT, int] = defaultdict(int)

    def __call__(self, key: KeyT, task: TaskT) -> ResultT:
        """Carry out a task, with others if there are any; raises what it raises."""
        mine: _Ticket[TaskT, ResultT] = _Ticket(task)
        with self._lock:
            mine.leads = self._leading[key] < self._at_once
            if mine.leads:
                self._leading[key] += 1
            else:
                self._waiting[key].append(mine)
        if not mine.leads:
            mine.called.wait()
        if mine.leads:
            self._lead(key, mine)
        if mine.alone:
            return self._carry_out(key, [task])[0]
        return mine.result[0]

    def _lead(self, key: KeyT, mine: _Ticket[TaskT, ResultT]) -> None:
        """Carry out the caller's task with what waits, and call who leads next."""
        with self._lock:
            waiting = self._waiting[key]
            others = waiting[: self._most - 1]
            del waiting[: self._most - 1]
        try:
            group = [mine, *others]
            results = self._carry_out(key, [one.task for one in group])
            for one, result in zip(group, results, strict=True):
                one.result.append(result)
        except BaseException as error:
            # Each finds out by itself: what is wrong with one must not be told to another.
            for one in others:
                one.alone = True
            if not others or not isinstance(error, Exception):
                raise
            mine.alone = True
        finally:
            self._call_next(key)
            for one in others:
                one.called.set()

    def _call_next(self, key: KeyT) -> None:
        with self._lock:
            if waiting := self._waiting[key]:
                chosen = waiting.pop(0)
                chosen.leads = True
                chosen.called.set()
                return
            self._leading[key] -= 1
            if not self._leading[key]:
                del self._leading[key], self._waiting[key]
