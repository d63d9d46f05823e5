"""Which Records are of one machine, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeseg.core.record import Record

__all__ = ["machines"]


def machines(records: Sequence[Record], runs: Sequence[str] = ()) -> Mapping[int, str]:
    """For each Record, by its `id`, a name that all of its machine have and no other.

    That of the processor; where several machines have it, with what differs of the number of cores and the system. A
    processor without a name is taken to be one machine's in one run alone; `runs` names that of each Record.
    """
    facts = {
        id(record): (_processor(record, run), (_cores(record), _system(record)))
        for record, run in zip(records, runs or [""] * len(records), strict=True)
    }
    alike: dict[str, set[tuple[str, str]]] = {}
    for processor, others in facts.values():
        alike.setdefault(processor, set()).add(others)
    return {
        which: ", ".join([processor, *_telling(others, alike[processor])])
        for which, (processor, others) in facts.items()
    }


def _processor(record: Record, run: str) -> str:
    return str(record.environment.get("cpu_model") or (run and f"unknown machine of {run}"))


def _cores(record: Record) -> str:
    cores = record.environment.get("cores")
    return f"{cores} core{'s' * (cores != 1)}" if cores else "unknown cores"


def _system(record: Record) -> str:
    return str(record.environment.get("os") or "unknown system")


def _telling(facts: tuple[str, str], alike: set[tuple[str, str]]) -> list[str]:
    """Those of a machine's facts in which others of its processor differ."""
    return [fact for fact, all_have in zip(facts, zip(*alike, strict=True), strict=True) if len(set(all_have)) > 1]
