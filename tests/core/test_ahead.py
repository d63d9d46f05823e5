from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edgeseg.core.ahead import ahead


def test_items_come_in_order_from_a_thread_that_ends() -> None:
    threads = set()

    def items() -> Iterator[int]:
        for i in range(20):
            threads.add(threading.current_thread().name)
            yield i

    assert list(ahead(items())) == list(range(20))
    assert list(ahead([])) == []
    assert len(threads) == 1
    assert threading.current_thread().name not in threads
    assert not threads & {thread.name for thread in threading.enumerate()}


def test_it_reads_while_an_item_is_worked_on_but_not_farther_than_told() -> None:
    made, third = [], threading.Event()

    def items() -> Iterator[int]:
        for i in range(10):
            made.append(i)
            if i == 2:
                third.set()
            yield i

    reading = ahead(items(), 2)
    assert next(reading) == 0
    assert third.wait(10)
    assert made == [0, 1, 2]
    reading.close()
    assert made == [0, 1, 2]
    assert "ahead_0" not in {thread.name for thread in threading.enumerate()}


def test_an_error_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("second")

    reading = ahead(items(), 4)
    assert next(reading) == 1
    with pytest.raises(KeyError, match="second"):
        next(reading)
