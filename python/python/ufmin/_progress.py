"""Who hears of progress: a callable, or a bar of tqdm where that is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Progress(NamedTuple):
    """What a long computation tells now and then."""

    stage: str
    """What is being done, for example "starts"."""
    done: int
    """Iterations, or points of a study, done in this stage."""
    total: int | None
    """How many there are, where that is known."""
    measure: float
    """The method's own residual, or the share that is done: a sign of life, no evidence."""


Observer = Callable[[str, int, "int | None", float], None]


def observer(progress: bool | Callable[[Progress], object]) -> Observer | None:
    """What is called with news; None where nobody listens."""
    if progress is False:
        return None
    if progress is True:
        return _bar()
    if not callable(progress):
        raise TypeError(f"progress must be a bool or a callable, not {type(progress).__name__}")
    listener = progress
    return lambda stage, done, total, measure: void(listener(Progress(stage, done, total, measure)))


def void(_value: object) -> None:
    """Whatever a listener returns."""


def _bar() -> Observer | None:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return _Bar(tqdm)


class _Bar:
    """One bar a stage; it is closed when the next begins, and with the call that it belongs to."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._stage: str | None = None
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int | None, measure: float) -> None:
        if stage != self._stage:
            self._close()
            self._bar = self._tqdm(desc=stage, total=total)
            self._stage = stage
        # Threads may overtake each other: what is done never becomes less.
        self._bar.update(max(0, done - self._bar.n))
        if total is None:
            self._bar.set_postfix_str(f"{measure:.1e}")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __del__(self) -> None:
        self._close()
