"""What the stub speaks of. Nothing imports it while a program runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, Union

import numpy as np
import numpy.typing as npt

from ._progress import Progress

Array: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = Union[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_], list[str]]
Json: TypeAlias = dict[str, Any]
Sizes: TypeAlias = Union[Sequence[int], npt.NDArray[np.integer[Any]]]
Reals: TypeAlias = Union[Sequence[float], npt.NDArray[np.floating[Any]]]
Batches: TypeAlias = Union[Sequence[Sequence[int]], npt.NDArray[np.integer[Any]]]
Observer: TypeAlias = Union[bool, Callable[[Progress], object], None]
LossName: TypeAlias = Literal["supcon", "sincere", "nscl", "population", "bcl", "nce", "cross-entropy"]
MethodName: TypeAlias = Literal["auto", "dual", "conic", "lowrank", "closed-form"]
Verdict: TypeAlias = Literal["certified", "not-certified", "rank-exceeds-dimension"]


class ProblemKeywords(TypedDict, total=False):
    """The keywords of `Problem`, which every verb takes too."""

    sizes: Sizes | None
    labels: npt.ArrayLike | None
    probabilities: Reals | None
    profile: Literal["exponential", "pareto", "step"] | None
    count: int | None
    largest: int | None
    smallest: int | None
    majority: int | None
    minority: int | None
    ratio: float | None
    views: int | None
    loss: LossName | None
    temperature: float | None
    anchors: Literal["sample", "class"] | None
    singletons: Literal["error", "skip", "zero"] | None
    negatives: int | None
    loss_scale: float | None
    reduction: Literal["mean", "sum"] | None
    batch_size: int | None
    power: float | None
    batch_classes: int | None
    per_class: int | None
    batches: Batches | None
    unused: Literal["error", "ignore"] | None
    nonnegative: bool | None
    dimension: int | None
    feature_norm: float | None
    feature_energy: float | None
    feature_ridge: float | None
    classifier_norm: float | None
    classifier_energy: float | None
    classifier_frobenius: float | None
    classifier_ridge: float | None
    method: MethodName | None
    tolerance: float | None
    title: str | None
