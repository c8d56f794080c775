"""`Problem`: keywords, fields, `repr`, pickles, and what is refused."""

from __future__ import annotations

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ufmin
from conftest import ROOT

BATCHES = [[0, 1, 2, 3], [2, 3, 4], [0, 4, 1]]

# Every keyword, with a problem that has it and the value that is read back.
KEYWORDS: dict[str, tuple[dict[str, Any], Any]] = {
    "sizes": ({"sizes": [500, 5]}, (500, 5)),
    "labels": ({"labels": [1, 0, 1, 0, 1], "batches": BATCHES}, [1, 0, 1, 0, 1]),
    "probabilities": ({"probabilities": [0.5, 0.3, 0.2], "loss": "population"}, (0.5, 0.3, 0.2)),
    "profile": ({"profile": "exponential", "count": 10, "largest": 500, "ratio": 100.0}, "exponential"),
    "count": ({"profile": "pareto", "count": 10, "largest": 500, "ratio": 10.0}, 10),
    "largest": ({"profile": "exponential", "count": 10, "largest": 500, "ratio": 100.0}, 500),
    "smallest": ({"profile": "step", "majority": 2, "minority": 3, "smallest": 5, "ratio": 10.0}, 5),
    "majority": ({"profile": "step", "majority": 2, "minority": 3, "smallest": 5, "ratio": 10.0}, 2),
    "minority": ({"profile": "step", "majority": 2, "minority": 3, "smallest": 5, "ratio": 10.0}, 3),
    "ratio": ({"profile": "step", "majority": 2, "minority": 3, "smallest": 5, "ratio": 10.0}, 10.0),
    "views": ({"sizes": [5, 1], "views": 2}, 2),
    "loss": ({"sizes": [5, 4], "loss": "sincere"}, "sincere"),
    "temperature": ({"sizes": [5, 4], "temperature": 0.5}, 0.5),
    "anchors": ({"sizes": [5, 4], "anchors": "class"}, "class"),
    "singletons": ({"sizes": [5, 1], "singletons": "skip"}, "skip"),
    "negatives": ({"sizes": [5, 4], "loss": "nce", "negatives": 3}, 3),
    "loss_scale": ({"sizes": [5, 4], "loss_scale": 2.0}, 2.0),
    "reduction": ({"sizes": [5, 4], "reduction": "sum"}, "sum"),
    "batch_size": ({"sizes": [5, 4], "batch_size": 8}, 8),
    "power": ({"sizes": [5, 4], "batch_size": 8, "power": 0.5}, 0.5),
    "batch_classes": ({"sizes": [5, 4, 3], "batch_classes": 2, "per_class": 3}, 2),
    "per_class": ({"sizes": [5, 4, 3], "batch_classes": 2, "per_class": 3}, 3),
    "batches": ({"sizes": [3, 2], "batches": BATCHES}, ((0, 1, 2, 3), (2, 3, 4), (0, 4, 1))),
    "unused": ({"sizes": [3, 3], "batches": BATCHES, "unused": "ignore"}, "ignore"),
    "nonnegative": ({"sizes": [5, 4], "nonnegative": True}, True),
    "dimension": ({"sizes": [5, 4, 3], "dimension": 4}, 4),
    "feature_norm": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_norm": 2.0, "classifier_norm": 1.0},
        2.0,
    ),
    "feature_energy": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_energy": 5.0, "classifier_norm": 1.0},
        5.0,
    ),
    "feature_ridge": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_ridge": 0.001, "classifier_ridge": 0.01},
        0.001,
    ),
    "classifier_norm": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_norm": 2.0, "classifier_norm": 1.5},
        1.5,
    ),
    "classifier_energy": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_norm": 2.0, "classifier_energy": 1.5},
        1.5,
    ),
    "classifier_frobenius": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_norm": 2.0, "classifier_frobenius": 3.0},
        3.0,
    ),
    "classifier_ridge": (
        {"sizes": [5, 4], "loss": "cross-entropy", "feature_norm": 2.0, "classifier_ridge": 0.01},
        0.01,
    ),
    "method": ({"sizes": [5, 4], "method": "conic"}, "conic"),
    "tolerance": ({"sizes": [5, 4], "tolerance": 1e-5}, 1e-5),
    "title": ({"sizes": [5, 4], "title": "a title"}, "a title"),
}


def parameters() -> list[inspect.Parameter]:
    return list(inspect.signature(ufmin.Problem).parameters.values())


def test_the_signature_lists_every_keyword_and_its_default() -> None:
    assert [p.name for p in parameters()] == list(KEYWORDS)
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters())
    plain = ufmin.Problem(sizes=[5, 4])
    for parameter in parameters():
        if parameter.name != "sizes":
            assert getattr(plain, parameter.name) == parameter.default, parameter.name


def test_defaults_are_those_of_the_library() -> None:
    plain = ufmin.Problem(sizes=[5, 4])
    stated = ufmin.solve(plain).to_dict()
    shared = set(KEYWORDS) & set(stated["problem"])
    assert {"views", "loss", "temperature", "anchors", "nonnegative", "loss_scale", "reduction", "dimension"} <= shared
    for name in shared - {"sizes"}:
        assert getattr(plain, name) == stated["problem"][name], name
    # What the JSON does not say: giving the default changes nothing.
    for name in ("singletons", "method", "tolerance", "title"):
        default = getattr(plain, name)
        assert plain.replace(**{name: default}) == plain


@pytest.mark.parametrize("name", KEYWORDS)
def test_every_keyword_is_read_back_and_survives(name: str) -> None:
    keywords, value = KEYWORDS[name]
    problem = ufmin.Problem(**keywords)
    found = getattr(problem, name)
    assert found.tolist() == value if isinstance(found, np.ndarray) else found == value
    assert type(found) is type(value) or isinstance(found, np.ndarray)
    for same in (
        eval(repr(problem), {"ufmin": ufmin}),
        pickle.loads(pickle.dumps(problem)),
        copy.deepcopy(problem),
        ufmin.Problem(**problem.to_dict()),
        problem.replace(),
    ):
        assert same == problem
        assert hash(same) == hash(problem)
        assert repr(same) == repr(problem)
    assert "\n" not in repr(problem)


@pytest.mark.parametrize("name", KEYWORDS)
def test_every_keyword_is_a_type_error_of_another_type(name: str) -> None:
    keywords, _ = KEYWORDS[name]
    with pytest.raises((TypeError, ufmin.ProblemError), match=name):
        ufmin.Problem(**(keywords | {name: object()}))


def test_problems_are_values() -> None:
    problem = ufmin.Problem(sizes=[500, 5])
    assert problem == ufmin.Problem(sizes=np.array([500, 5]), temperature=0.1, loss="supcon", views=1)
    assert problem != problem.replace(temperature=0.2) != "something else"
    assert len({problem, problem.replace(temperature=0.1), problem.replace(temperature=0.2)}) == 2
    with pytest.raises(AttributeError):
        problem.temperature = 0.2  # type: ignore[misc]


def test_replace_knows_what_cannot_stand_beside_each_other() -> None:
    tail = ufmin.Problem(profile="exponential", count=10, largest=500, ratio=100)
    assert tail.replace(ratio=10).sizes != tail.sizes
    assert tail.replace(sizes=[5, 4]) == ufmin.Problem(sizes=[5, 4])
    random = ufmin.Problem(sizes=[5, 4], batch_size=8, power=0.5)
    assert random.replace(batch_size=16).power == 0.5
    assert random.replace(batch_classes=2, per_class=2).batch_size is None
    assert random.replace(batch_size=None, power=None) == ufmin.Problem(sizes=[5, 4])
    assert random.replace(batches=[[0, 1, 2, 3, 4, 5, 6, 7, 8]]).batch_size is None
    linear = ufmin.Problem(sizes=[5, 4], loss="cross-entropy", feature_norm=1, classifier_norm=1)
    assert linear.replace(classifier_ridge=0.1).classifier_norm is None
    assert linear.temperature is None and linear.anchors is None


def test_long_lists_of_sizes_stay_readable() -> None:
    problem = ufmin.Problem(sizes=[500] * 600 + [5] * 400)
    assert repr(problem) == "ufmin.Problem(sizes=[500] * 600 + [5] * 400)"
    assert eval(repr(problem), {"ufmin": ufmin}) == problem
    many = ufmin.Problem(sizes=range(2, 5002))
    assert repr(many) == "<ufmin.Problem with 5000 classes of 5000 different neighbours, loss supcon>"
    assert pickle.loads(pickle.dumps(many)) == many


class Labels:
    """What a tensor is without its library: something with an array."""

    def __init__(self, values: list[int]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.values, dtype=dtype)


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1, 3, 1, 1],
        np.array([3, 1, 3, 1, 1], dtype=np.uint8),
        np.array([3, 1, 3, 1, 1], dtype=np.int64)[:, None],
        np.array([1, 0, 1, 0, 0], dtype=bool),
        np.array([3, 9, 1, 9, 3, 9, 1, 9, 1, 9])[::2],
        Labels([3, 1, 3, 1, 1]),
    ],
)
def test_labels_are_counted_through_the_array_protocol(labels: Any) -> None:
    problem = ufmin.Problem.from_labels(labels, temperature=0.2)
    assert problem.sizes == (3, 2)
    assert problem == ufmin.Problem(sizes=[3, 2], temperature=0.2) == ufmin.Problem(labels=labels, temperature=0.2)


def test_labels_of_pandas_and_torch() -> None:
    pandas = pytest.importorskip("pandas")
    assert ufmin.Problem.from_labels(pandas.Series([2, 0, 2, 0])).sizes == (2, 2)
    assert ufmin.Problem(sizes=pandas.Series([5, 4])).sizes == (5, 4)


def test_labels_of_torch() -> None:
    torch = pytest.importorskip("torch")
    assert ufmin.Problem.from_labels(torch.tensor([2, 0, 2, 0])).sizes == (2, 2)


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (np.array([0.0, 1.0], dtype=np.float32), "float32"),
        (np.array([[1, 0], [0, 1], [1, 0]]), "one-hot"),
        (np.array(["cat", "dog"]), "integer type"),
        (np.array([None, 1], dtype=object), "integer type"),
        (np.array([], dtype=int), "no elements"),
        (np.array([500, 5]), "class sizes"),
    ],
)
def test_what_is_no_labels_is_refused(labels: Any, word: str) -> None:
    with pytest.raises(ufmin.ProblemError, match=word) as caught:
        ufmin.Problem.from_labels(labels)
    assert caught.value.field == "labels"
    assert caught.value.hint


def test_samples_are_numbered_by_their_labels() -> None:
    labels = [1, 0, 1, 0, 1]
    problem = ufmin.Problem.from_labels(labels, batches=[[0, 1, 2, 3, 4]])
    by_class = ufmin.Problem(sizes=[2, 3], batches=[[0, 1, 2, 3, 4]])
    assert problem != by_class
    assert problem.batches == by_class.batches
    assert problem.labels is not None
    assert problem.labels.tolist() == labels
    found = ufmin.solve(problem, cross_check="never").sample_gram()
    assert found[0, 2] == found[0, 4] == pytest.approx(1, abs=1e-4)
    assert found[0, 1] < 0
    with pytest.raises(ufmin.ProblemError, match="more than one way"):
        ufmin.Problem(sizes=[2, 3], labels=labels)


def test_files_are_read_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.array([1, 0, 1, 0, 1]))
    np.save(tmp_path / "b.npy", np.array([[0, 1, 2, 3], [2, 3, 4, -1], [0, 1, 4, -1]]))
    file = tmp_path / "p.toml"
    file.write_text(
        "title = 'mine'\n[classes]\nfile = 'y.npy'\n[loss]\nkind = 'sincere'\n[batches]\nfile = 'b.npy'\n"
        "[solver]\ntolerance = 1e-4\n"
    )
    problem = ufmin.Problem.from_file(file)
    (tmp_path / "y.npy").unlink()
    (tmp_path / "b.npy").unlink()
    expected = ufmin.Problem(
        title="mine",
        labels=[1, 0, 1, 0, 1],
        loss="sincere",
        batches=[[0, 1, 2, 3], [2, 3, 4], [0, 1, 4]],
        tolerance=1e-4,
    )
    assert problem == expected == pickle.loads(pickle.dumps(problem))
    assert ufmin.Problem.from_file(str(ROOT / "problems" / "cifar10-lt.toml")).class_count == 10


def test_bundled_problems() -> None:
    for name, summary in ufmin.problems():
        assert summary
        problem = ufmin.Problem.bundled(name)
        assert problem.class_count >= 2
        assert eval(repr(problem), {"ufmin": ufmin}) == problem
    with pytest.raises(KeyError, match="cifar10-lt"):
        ufmin.Problem.bundled("cifar10lt")
