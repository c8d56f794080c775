from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, TypeAlias, TypedDict, final, overload

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from typing_extensions import Self, Unpack

from ._progress import Progress

__all__ = [
    "AllBatches",
    "BatchesCheck",
    "Certificate",
    "Comparison",
    "CrossEntropyThreshold",
    "Curve",
    "Evaluation",
    "Explanation",
    "Landscape",
    "LandscapeSweep",
    "Phase",
    "PhaseDiagram",
    "Problem",
    "Result",
    "Solution",
    "__version__",
    "bind_batches",
    "bound",
    "check_batches",
    "colours",
    "compare",
    "curve",
    "evaluate",
    "explain",
    "phase",
    "problems",
    "sample_batches",
    "solve",
    "verify",
]

__version__: str

Array: TypeAlias = npt.NDArray[np.float64]
Column: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.bool_] | list[str]
Json: TypeAlias = dict[str, Any]
Sizes: TypeAlias = Sequence[int] | npt.NDArray[np.integer[Any]]
Reals: TypeAlias = Sequence[float] | npt.NDArray[np.floating[Any]]
Batches: TypeAlias = Sequence[Sequence[int]] | npt.NDArray[np.integer[Any]]
Observer: TypeAlias = bool | Callable[[Progress], object] | None
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

@final
class Problem:
    def __new__(
        cls,
        *,
        sizes: Sizes | None = None,
        labels: npt.ArrayLike | None = None,
        probabilities: Reals | None = None,
        profile: Literal["exponential", "pareto", "step"] | None = None,
        count: int | None = None,
        largest: int | None = None,
        smallest: int | None = None,
        majority: int | None = None,
        minority: int | None = None,
        ratio: float | None = None,
        views: int | None = 1,
        loss: LossName | None = "supcon",
        temperature: float | None = 0.1,
        anchors: Literal["sample", "class"] | None = "sample",
        singletons: Literal["error", "skip", "zero"] | None = "error",
        negatives: int | None = None,
        loss_scale: float | None = 1.0,
        reduction: Literal["mean", "sum"] | None = "mean",
        batch_size: int | None = None,
        power: float | None = None,
        batch_classes: int | None = None,
        per_class: int | None = None,
        batches: Batches | None = None,
        unused: Literal["error", "ignore"] | None = "error",
        nonnegative: bool | None = False,
        dimension: int | None = None,
        feature_norm: float | None = None,
        feature_energy: float | None = None,
        feature_ridge: float | None = None,
        classifier_norm: float | None = None,
        classifier_energy: float | None = None,
        classifier_frobenius: float | None = None,
        classifier_ridge: float | None = None,
        method: MethodName | None = "auto",
        tolerance: float | None = None,
        title: str | None = None,
    ) -> Self: ...
    @staticmethod
    def from_labels(labels: npt.ArrayLike, /, **keywords: Unpack[ProblemKeywords]) -> Problem: ...
    @staticmethod
    def from_file(path: str | PathLike[str], /) -> Problem: ...
    @staticmethod
    def bundled(name: str, /) -> Problem: ...
    def replace(self, **keywords: Unpack[ProblemKeywords]) -> Problem: ...
    def to_dict(self) -> dict[str, Any]: ...
    @property
    def class_count(self) -> int: ...
    @property
    def sizes(self) -> tuple[int, ...] | None: ...
    @property
    def labels(self) -> npt.NDArray[np.uint32] | None: ...
    @property
    def probabilities(self) -> tuple[float, ...] | None: ...
    @property
    def profile(self) -> str | None: ...
    @property
    def count(self) -> int | None: ...
    @property
    def largest(self) -> int | None: ...
    @property
    def smallest(self) -> int | None: ...
    @property
    def majority(self) -> int | None: ...
    @property
    def minority(self) -> int | None: ...
    @property
    def ratio(self) -> float | None: ...
    @property
    def views(self) -> int: ...
    @property
    def loss(self) -> str: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def anchors(self) -> str | None: ...
    @property
    def singletons(self) -> str | None: ...
    @property
    def negatives(self) -> int | None: ...
    @property
    def loss_scale(self) -> float: ...
    @property
    def reduction(self) -> str: ...
    @property
    def batch_size(self) -> int | None: ...
    @property
    def power(self) -> float | None: ...
    @property
    def batch_classes(self) -> int | None: ...
    @property
    def per_class(self) -> int | None: ...
    @property
    def batches(self) -> tuple[tuple[int, ...], ...] | None: ...
    @property
    def unused(self) -> str: ...
    @property
    def nonnegative(self) -> bool: ...
    @property
    def dimension(self) -> int | None: ...
    @property
    def feature_norm(self) -> float | None: ...
    @property
    def feature_energy(self) -> float | None: ...
    @property
    def feature_ridge(self) -> float | None: ...
    @property
    def classifier_norm(self) -> float | None: ...
    @property
    def classifier_energy(self) -> float | None: ...
    @property
    def classifier_frobenius(self) -> float | None: ...
    @property
    def classifier_ridge(self) -> float | None: ...
    @property
    def method(self) -> str: ...
    @property
    def tolerance(self) -> float | None: ...
    @property
    def title(self) -> str | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

class Result:
    def to_dict(self) -> Json: ...
    def summary(self, *, verbose: bool = False) -> str: ...
    def table(self) -> dict[str, Column] | None: ...
    def latex(self) -> str | None: ...
    @property
    def pictures(self) -> list[str]: ...
    def png(self, name: str | None = None) -> bytes: ...
    def svg(self, name: str | None = None) -> str: ...
    def pdf(self, name: str | None = None) -> bytes: ...
    def save(self, folder: str | PathLike[str], /) -> None: ...
    @property
    def passes(self) -> bool: ...
    @property
    def is_complete(self) -> bool: ...
    def _repr_html_(self) -> str: ...
    def _repr_png_(self) -> bytes | None: ...

@final
class Solution(Result):
    @property
    def problem(self) -> Problem: ...
    @property
    def loss(self) -> float: ...
    @property
    def excess(self) -> float | None: ...
    @property
    def floor(self) -> float | None: ...
    @property
    def log_excess(self) -> float | None: ...
    @property
    def rank(self) -> int: ...
    @property
    def gram(self) -> Array: ...
    @property
    def groups(self) -> list[Json]: ...
    @property
    def group_gram(self) -> Array: ...
    def sample_gram(self) -> Array: ...
    @property
    def embeddings(self) -> Array: ...
    @property
    def collapsed(self) -> list[list[int]]: ...
    def entry(self, i: int, j: int, /) -> float: ...
    def angle(self, i: int, j: int, /) -> float: ...
    @property
    def classifier(self) -> Array | None: ...
    @property
    def classifier_gram(self) -> Array | None: ...
    @property
    def logits(self) -> Array | None: ...
    @property
    def certificate(self) -> Certificate: ...
    @property
    def is_certified(self) -> bool: ...
    @property
    def method(self) -> str: ...
    @property
    def termination(self) -> str: ...
    @property
    def iterations(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def cross_check(self) -> Json | None: ...
    @property
    def references(self) -> list[Json]: ...
    @property
    def warnings(self) -> list[str]: ...
    def to_dict(self, *, full_gram: bool = False, level: Literal["class", "sample"] = "class") -> Json: ...
    def plot(self, ax: Axes | None = None) -> Axes: ...

@final
class Certificate:
    @property
    def lower_bound(self) -> float: ...
    @property
    def gap(self) -> float: ...
    @property
    def relative_gap(self) -> float: ...
    @property
    def min_eigenvalue(self) -> float: ...
    @property
    def method(self) -> str: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def is_certified(self) -> bool: ...

@final
class Phase(Result):
    @staticmethod
    def from_json(text: str, /) -> Phase: ...
    @property
    def vary(self) -> Literal["ratio", "temperature"]: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def never(self) -> bool: ...
    @property
    def collapsed(self) -> list[list[int]]: ...
    @property
    def intervals(self) -> list[tuple[float, float]]: ...
    @property
    def range(self) -> tuple[float, float]: ...
    @property
    def certified(self) -> list[Json]: ...

@final
class CrossEntropyThreshold(Result):
    @staticmethod
    def from_json(text: str, /) -> CrossEntropyThreshold: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def never(self) -> bool: ...
    @property
    def collapsed(self) -> list[list[int]]: ...
    @property
    def range(self) -> tuple[float, float]: ...

@final
class PhaseDiagram(Result):
    @staticmethod
    def from_json(text: str, /) -> PhaseDiagram: ...
    @property
    def ratios(self) -> Array: ...
    @property
    def temperatures(self) -> Array: ...
    @property
    def collapsed(self) -> Array: ...
    @property
    def boundary(self) -> list[Array]: ...

@final
class Curve(Result):
    @staticmethod
    def from_json(text: str, /) -> Curve: ...
    @property
    def vary(self) -> str: ...
    @property
    def values(self) -> Array: ...
    @property
    def loss(self) -> Array: ...
    @property
    def nearest_degrees(self) -> Array: ...
    @property
    def rows(self) -> list[Json]: ...
    @property
    def limit(self) -> Json | None: ...

@final
class Landscape(Result):
    @staticmethod
    def from_json(text: str, /) -> Landscape: ...
    @property
    def dimension(self) -> int: ...
    @property
    def starts(self) -> int: ...
    @property
    def converged(self) -> int: ...
    @property
    def global_minima(self) -> int: ...
    @property
    def spurious(self) -> int: ...
    @property
    def saddles(self) -> int: ...
    @property
    def distinct_minima(self) -> list[Json]: ...

@final
class LandscapeSweep(Result):
    @staticmethod
    def from_json(text: str, /) -> LandscapeSweep: ...
    @property
    def rows(self) -> list[Json]: ...

@final
class Comparison(Result):
    @staticmethod
    def from_json(text: str, /) -> Comparison: ...
    @property
    def losses(self) -> list[str]: ...
    @property
    def rows(self) -> list[Json]: ...
    @property
    def conclusion(self) -> str | None: ...
    @property
    def grams(self) -> list[Array | None]: ...

@final
class Evaluation(Result):
    @staticmethod
    def from_json(text: str, /) -> Evaluation: ...
    @property
    def loss(self) -> float: ...
    @property
    def optimal_loss(self) -> float: ...
    @property
    def gap_to_optimum(self) -> float: ...
    @property
    def relative_gap(self) -> float: ...
    @property
    def gram_distance(self) -> float | None: ...
    @property
    def nc1(self) -> Json: ...
    @property
    def nc2(self) -> Json: ...
    @property
    def nc3(self) -> float | None: ...
    @property
    def ncc_accuracy(self) -> float: ...
    @property
    def class_gram(self) -> Array | None: ...
    @property
    def optimal_gram(self) -> Array | None: ...
    @property
    def advice(self) -> list[Json]: ...
    @property
    def warnings(self) -> list[str]: ...

@final
class Explanation(Result):
    @staticmethod
    def from_json(text: str, /) -> Explanation: ...
    @property
    def all(self) -> Json: ...
    @property
    def repelling_share(self) -> float: ...
    @property
    def per_anchor(self) -> list[Json] | None: ...

@final
class AllBatches(Result):
    @staticmethod
    def from_json(text: str, /) -> AllBatches: ...
    @property
    def value(self) -> float | None: ...
    @property
    def log_value(self) -> float | None: ...
    @property
    def per_batch(self) -> float: ...
    @property
    def per_anchor(self) -> float | None: ...

@final
class BatchesCheck(Result):
    @staticmethod
    def from_json(text: str, /) -> BatchesCheck: ...
    @property
    def unique_orthogonal_frame(self) -> bool | None: ...
    @property
    def connected(self) -> list[bool] | None: ...
    @property
    def missing_pairs(self) -> list[tuple[int, int]]: ...
    @property
    def without_positive(self) -> list[int]: ...

def solve(
    problem: Problem | None = None,
    /,
    *,
    cross_check: Literal["auto", "always", "never"] = "auto",
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Solution: ...
@overload
def phase(
    problem: Problem | None = None,
    /,
    *,
    vary: Literal["ratio", "temperature"] = "ratio",
    ratios: tuple[float, float] | None = None,
    temperatures: tuple[float, float] | None = None,
    points: int = 400,
    grid: None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Phase | CrossEntropyThreshold: ...
@overload
def phase(
    problem: Problem | None = None,
    /,
    *,
    vary: Literal["ratio", "temperature"] = "ratio",
    ratios: tuple[float, float] | None = None,
    temperatures: tuple[float, float] | None = None,
    points: int = 400,
    grid: tuple[int, int],
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> PhaseDiagram: ...
def curve(
    problem: Problem | None = None,
    /,
    *,
    vary: Literal["batch-size", "negatives", "temperature", "power"],
    values: Reals | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Curve: ...
@overload
def verify(
    problem: Problem | None = None,
    /,
    *,
    starts: int = 200,
    seed: int = 0,
    level: Literal["sample", "class"] = "sample",
    dimensions: None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Landscape: ...
@overload
def verify(
    problem: Problem | None = None,
    /,
    *,
    starts: int = 200,
    seed: int = 0,
    level: Literal["sample", "class"] = "sample",
    dimensions: tuple[int, int],
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> LandscapeSweep: ...
def compare(
    problem: Problem | None = None,
    /,
    *,
    losses: Sequence[LossName] | None = None,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Comparison: ...
def evaluate(
    embeddings: npt.ArrayLike,
    labels: npt.ArrayLike,
    problem: Problem | None = None,
    /,
    *,
    classifier: npt.ArrayLike | None = None,
    exact: bool = False,
    seed: int = 0,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Evaluation: ...
def explain(
    embeddings: npt.ArrayLike,
    labels: npt.ArrayLike,
    problem: Problem | None = None,
    /,
    *,
    time_limit: float | None = None,
    threads: int | None = None,
    progress: Observer = None,
    **keywords: Unpack[ProblemKeywords],
) -> Explanation: ...
def bound(
    *, classes: int, per_class: int, batch: int, radius: float = 1.0, temperature: float = 1.0
) -> AllBatches: ...
def check_batches(problem: Problem | None = None, /, **keywords: Unpack[ProblemKeywords]) -> BatchesCheck: ...
def bind_batches(problem: Problem | None = None, /, **keywords: Unpack[ProblemKeywords]) -> list[list[int]]: ...
def sample_batches(
    problem: Problem | None = None,
    /,
    *,
    size: int,
    seed: int = 0,
    stratified: bool = False,
    drop_last: bool = False,
    **keywords: Unpack[ProblemKeywords],
) -> list[list[int]]: ...
def problems() -> list[tuple[str, str]]: ...
def colours() -> list[list[float]]: ...
