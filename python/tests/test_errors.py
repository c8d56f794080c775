"""Errors are Python's own, in the words of keywords, and survive a pickle."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ufmin

REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    ({}, "sizes", "no class sizes", "sizes=[500, 500, 5, 5]"),
    ({"sizes": [5]}, "sizes", "only one class", "second class"),
    ({"sizes": [5, 0]}, "sizes", "sizes[1]: class 1 has size 0", "remove the class"),
    ({"sizes": [5, 2.5]}, "sizes", "sizes[1]: class 1 has size 2.5", "probabilities"),
    ({"sizes": [5, 1]}, "sizes", "class 1 has 1 sample", "views = 2"),
    ({"sizes": [5, 4], "probabilities": [0.5, 0.5]}, "sizes", "more than one way", "exactly one"),
    ({"sizes": [5, 4], "temperature": -1.0}, "temperature", "temperature is -1", "0.1"),
    ({"sizes": [5, 4], "loss": "suppcon"}, "loss", "suppcon", "supcon"),
    ({"sizes": [5, 4], "loss": "simclr"}, "loss", "simclr", ""),
    ({"sizes": [5, 4], "loss": "nce"}, "negatives", "number of negatives", "negatives=5"),
    ({"sizes": [5, 4], "anchors": "each"}, "anchors", "each", "choose"),
    ({"sizes": [5, 4], "singletons": "none"}, "singletons", "none", ""),
    ({"sizes": [5, 4], "views": 0}, "views", "0 is given", "1 or more"),
    ({"sizes": [5, 4], "dimension": 0}, "dimension", "dimension is 0", "classes minus 1"),
    ({"sizes": [5, 4], "batch_size": 2}, "batch_size", "2 is given", "3 or more"),
    ({"sizes": [5, 4], "batch_size": 8, "power": 2.0}, "power", "2 is given", "square-root"),
    ({"sizes": [5, 4], "batch_classes": 3, "per_class": 2}, "batch_classes", "3 different classes", "at most"),
    ({"sizes": [5, 4], "per_class": 2}, "batch_classes", "number of classes", "batch_classes=8"),
    ({"sizes": [5, 4], "batch_size": 8, "per_class": 2}, "batch_size", "class-balanced", "batch_size alone"),
    ({"sizes": [5, 4], "batches": [[0, 1, 99]]}, "batches", "batches[0][2]", "numbered from 0"),
    ({"sizes": [5, 4], "batches": [[0, 1]]}, "batches", "in no batch", 'unused="ignore"'),
    ({"sizes": [5, 4], "batches": []}, "batches", "empty", "one list"),
    ({"sizes": [5, 4], "tolerance": 2.0}, "tolerance", "tolerance is 2", "1e-9"),
    ({"sizes": [5, 4], "method": "newton"}, "method", "newton", "choose"),
    ({"sizes": [5, 4], "method": "dual", "nonnegative": True}, "method", "cannot take", 'method="'),
    ({"sizes": [5, 4], "loss_scale": 0.0}, "loss_scale", "scale is 0", "multiplies"),
    ({"sizes": [5, 4], "title": "a\nb"}, "title", "control character", "one line"),
    ({"profile": "exponential", "count": 10, "largest": 500}, "ratio", "needs `ratio`", "exponential"),
    ({"sizes": [5, 4], "ratio": 10.0}, "ratio", "belongs to a profile", "profile"),
    ({"probabilities": [0.5, 0.6], "loss": "population"}, "probabilities", "sum to 1.1", "divide"),
    ({"sizes": [5, 4], "classifier_norm": 1.0}, "classifier_norm", "classifier", "cross-entropy"),
    ({"sizes": [5, 4], "loss": "cross-entropy"}, "classifier_norm", "holds the logits back", "classifier_norm"),
    (
        {"sizes": [5, 4], "loss": "cross-entropy", "classifier_norm": 1.0, "feature_norm": 1.0, "temperature": 0.1},
        "temperature",
        "does not take a temperature",
        "remove",
    ),
]


@pytest.mark.parametrize(("keywords", "field", "message", "hint"), REFUSED)
def test_a_problem_that_cannot_be_names_field_value_and_remedy(
    keywords: dict[str, Any], field: str, message: str, hint: str
) -> None:
    with pytest.raises(ufmin.ProblemError) as caught:
        ufmin.solve(ufmin.Problem(**keywords))
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.field == field
    assert message in error.message
    assert error.hint is not None and hint in error.hint
    assert str(error) == f"{error.message}\nhint: {error.hint}"
    # Neither flags nor tables of a problem file.
    for word in ("--", " under ["):
        assert word not in str(error)


def test_errors_survive_a_pickle() -> None:
    for error in (
        ufmin.ProblemError("sizes: wrong", "sizes", "give others"),
        ufmin.SolverError("broken"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (str(again), again.field, again.hint) == (str(error), error.field, error.hint)
    assert isinstance(ufmin.SolverError(""), RuntimeError)
    assert issubclass(ufmin.NotCertifiedWarning, UserWarning)
    assert ufmin.ProblemError.__module__ == "ufmin"


def test_unknown_keywords_are_type_errors_that_help() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'temprature'. Did you mean 'temperature'?"):
        ufmin.solve(sizes=[5, 4], temprature=0.1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="a problem is needed"):
        ufmin.solve()
    with pytest.raises(TypeError, match="ufmin.Problem is needed, not list"):
        ufmin.solve([5, 4])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="positional"):
        ufmin.Problem([5, 4])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("keywords", "field"),
    [
        ({"time_limit": 0.0}, "time_limit"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"threads": 0}, "threads"),
        ({"threads": 100_000}, "threads"),
        ({"cross_check": "perhaps"}, "cross_check"),
    ],
)
def test_how_to_solve_is_checked(keywords: dict[str, Any], field: str) -> None:
    with pytest.raises(ufmin.ProblemError) as caught:
        ufmin.solve(sizes=[5, 4], **keywords)
    assert caught.value.field == field
    assert caught.value.hint


@pytest.mark.parametrize(
    ("verb", "keywords", "field"),
    [
        ("phase", {"vary": "size"}, "vary"),
        ("phase", {"ratios": (10.0, 2.0)}, "ratios"),
        ("phase", {"temperatures": (10.0, 2.0), "vary": "temperature"}, "temperatures"),
        ("phase", {"points": 1}, "points"),
        ("phase", {"grid": (1, 5)}, "grid"),
        ("curve", {"vary": "size"}, "vary"),
        ("curve", {"vary": "batch-size", "values": []}, "values"),
        ("verify", {"starts": 0}, "starts"),
        ("verify", {"seed": -1}, "seed"),
        ("verify", {"level": "pixel"}, "level"),
        ("verify", {"dimensions": (3, 2)}, "dimensions"),
        ("verify", {"nonnegative": True}, "nonnegative"),
        ("compare", {"losses": ["supcom"]}, "loss"),
        ("compare", {"losses": []}, "values"),
        ("check_batches", {}, "batches"),
        ("sample_batches", {"size": 0}, "size"),
    ],
)
def test_studies_check_their_keywords(verb: str, keywords: dict[str, Any], field: str) -> None:
    with pytest.raises(ufmin.ProblemError) as caught:
        getattr(ufmin, verb)(sizes=[40, 40, 4, 4], **keywords)
    assert caught.value.field == field
    assert "--" not in str(caught.value)


def test_features_are_checked() -> None:
    rng = np.random.default_rng(0)
    H, y = rng.normal(size=(20, 5)), np.arange(20) % 4
    for features, labels, field, word in (
        (H[:-1], y, "embeddings", "19 rows"),
        (H.T, y, "embeddings", "embeddings.T"),
        (H[0], y, "embeddings", "two dimensions"),
        (H.astype(complex), y, "embeddings", "complex128"),
        (np.where(np.arange(20)[:, None] == 3, 0.0, H), y, "embeddings", "row 3 is zero"),
        (np.where(np.arange(20)[:, None] == 3, np.nan, H), y, "embeddings", "row 3 is not finite"),
        (H, y.astype(float), "labels", "float64"),
    ):
        with pytest.raises(ufmin.ProblemError, match=word) as caught:
            ufmin.evaluate(features, labels)
        assert caught.value.field == field
    with pytest.raises(ufmin.ProblemError, match="row for every class") as caught:
        ufmin.evaluate(H, y, classifier=np.zeros((3, 5)))
    assert caught.value.field == "classifier"
    with pytest.raises(ufmin.ProblemError, match="multiple of 2 views") as caught:
        ufmin.evaluate(H, y, views=2)
    assert caught.value.field == "labels"
    with pytest.raises(ufmin.ProblemError, match="4 different labels, and 2 classes") as caught:
        ufmin.evaluate(H, y, sizes=[10, 10])
    assert caught.value.field == "labels"


def test_files_are_errors_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        ufmin.Problem.from_file(tmp_path / "nothing.toml")
    assert caught.value.filename == str(tmp_path / "nothing.toml")
    with pytest.raises(IsADirectoryError):
        ufmin.Problem.from_file(tmp_path)
    file = tmp_path / "p.toml"
    file.write_text("[classes]\nsizes = [5, 4]\n[loss]\ntemprature = 0.1\n")
    with pytest.raises(ufmin.ProblemError, match=r"p.toml, line 4: .*temprature") as wrong:
        ufmin.Problem.from_file(file)
    assert wrong.value.hint == "did you mean `temperature`?"
    file.write_text("[classes]\nsizes = [5, 4]\n[loss]\ntemperature = -1\n")
    with pytest.raises(ufmin.ProblemError, match="line 4") as wrong:
        ufmin.Problem.from_file(file)
    assert wrong.value.field == "temperature"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(OSError, match="UTF-8"):
        ufmin.Problem.from_file(file)
    occupied = tmp_path / "occupied"
    occupied.write_text("")
    with pytest.raises(FileExistsError):
        ufmin.solve(sizes=[5, 4]).save(occupied)


def test_many_classes_get_no_matrix_by_accident() -> None:
    solution = ufmin.solve(profile="step", majority=500_000, minority=500_000, smallest=5, ratio=100)
    with pytest.raises(ufmin.SolverError, match="8000.0 GB") as caught:
        _ = solution.gram
    assert caught.value.hint is not None and "structure.npz" in caught.value.hint
    with pytest.raises(ufmin.SolverError, match="8000.0 GB"):
        solution.to_dict(full_gram=True)
    with pytest.raises(ufmin.SolverError, match="GB"):
        _ = solution.embeddings
    assert solution.group_gram.shape == (2, 2)
    assert solution.entry(0, 999_999) == solution.group_gram[0, 1]
    assert solution.angle(0, -1) == pytest.approx(np.degrees(np.arccos(solution.group_gram[0, 1])))
    assert "CERTIFIED" in solution.summary()
    assert solution.png().startswith(b"\x89PNG")


def test_an_answer_that_is_not_proven_is_returned_with_a_warning() -> None:
    with pytest.warns(ufmin.NotCertifiedWarning, match="not-certified") as caught:
        solution = ufmin.solve(sizes=[5, 4, 3], tolerance=1e-300)
    assert len(caught) == 1
    # At the line of the caller.
    assert caught[0].filename == __file__
    assert not solution.is_certified
    assert solution.certificate.verdict == "not-certified"
    with pytest.warns(ufmin.NotCertifiedWarning, match="rank-exceeds-dimension"):
        ufmin.solve(sizes=[5, 5, 5, 5, 5], dimension=2, cross_check="never")
