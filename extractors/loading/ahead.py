"""Reads the next rows while the last ones are being written: Python works, then the server; here they work together."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

# How often a reader looks whether anybody still wants its rows, in seconds.
LOOK_SECONDS = 0.2


def read_ahead(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """`rows` in lists of `size`, at most one list ahead of whoever draws them. What `rows` raises is raised here.

    A thread is started only when the first list is full. It ends when the rows do, or soon after nobody draws any
    more; while it waits for a vendor then, it is left behind, and ends with that answer.
    """
    remaining = iter(rows)
    first = list(islice(remaining, size))
    if first:
        yield first
    if len(first) < size:
        return
    ready: Queue[list[T] | BaseException | None] = Queue(maxsize=1)
    unwanted = threading.Event()

    def hand_over(item: list[T] | BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                ready.put(item, timeout=LOOK_SECONDS)
            except Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            while chunk := list(islice(remaining, size)):
                if not hand_over(chunk):
                    return
            hand_over(None)
        except BaseException as error:  # whatever it is, it belongs to whoever draws
            hand_over(error)

    reader = threading.Thread(target=read, name="read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            try:
                item = ready.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        unwanted.set()
        reader.join(1.0)
