"""Errors and warnings. They are Python's own classes, so that they extend what callers catch, and survive a pickle."""

from __future__ import annotations


class _Told(Exception):
    """An error with the keyword it is about and what to do, where there is something."""

    message: str
    field: str | None
    hint: str | None

    def __init__(self, message: str, field: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, field, hint)
        self.message = message
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class ProblemError(_Told, ValueError):
    """A problem that cannot be: a value outside its range, keywords that do not go together, a file that is no problem.

    ``field`` is the keyword, ``hint`` what to do about it; either may be None.
    """


class SolverError(_Told, RuntimeError):
    """Something that could not be done: too much memory, a study that was stopped before its end, a defect.

    That an answer is not proven is no error, but a ``NotCertifiedWarning``.
    """


class NotCertifiedWarning(UserWarning):
    """The answer is returned, and is not proven to be optimal to the tolerance: see its ``certificate``."""


for _class in (ProblemError, SolverError, NotCertifiedWarning):
    _class.__module__ = "ufmin"
