"""Reading ahead: the next items are made on a thread while this one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


def ahead(items: Iterable[T], count: int = 2) -> Iterator[T]:
    """The same items in the same order, up to `count` of them made beforehand on one thread.

    An error in making an item is raised where that item would have come. Closing the iterator ends the thread.
    """
    iterator = iter(items)

    def following() -> list[T]:
        """The next item, or none at the end."""
        return list(islice(iterator, 1))

    with ThreadPoolExecutor(1, "ahead") as pool:
        waiting: deque[Future[list[T]]] = deque(pool.submit(following) for _ in range(count))
        try:
            while made := waiting.popleft().result():
                waiting.append(pool.submit(following))
                yield made[0]
        finally:
            for future in waiting:
                future.cancel()
