"""The other verbs: their results, their tables, and agreement with the command."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ufmin
from conftest import ROOT, Cli, without_times

COLLAPSE = ufmin.Problem(sizes=[100, 100, 10, 10], temperature=1.0)
TAIL = ufmin.Problem(sizes=[500, 100, 20, 5])


def features(seed: int = 0) -> tuple[Any, Any]:
    """Noisy features about the simplex of five classes, and their labels."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(5), [30, 30, 20, 10, 10])
    rng.shuffle(y)
    return np.eye(5, 8)[y] - 0.2 + 0.2 * rng.normal(size=(len(y), 8)), y


def same_again(result: Any) -> None:
    """It can be pickled and read from its JSON, and shown in every form."""
    text = json.dumps(result.to_dict())
    for again in (pickle.loads(pickle.dumps(result)), type(result).from_json(text)):
        assert again.to_dict() == result.to_dict()
        assert again.summary() == result.summary()
        assert repr(again) == repr(result)
    assert isinstance(result, ufmin.Result)
    assert "\n" not in repr(result) and repr(result).startswith(f"<ufmin.{type(result).__name__}: ")
    assert result._repr_html_().startswith("<pre>")
    assert result.passes and result.is_complete
    for name in result.pictures:
        assert result.png(name).startswith(b"\x89PNG")
    assert (result._repr_png_() is None) == (result.pictures == [])
    with pytest.raises(ValueError, match="schema"):
        type(result).from_json('{"schema": "another"}')


def test_phase_over_the_ratio(cli: Cli) -> None:
    phase = ufmin.phase(COLLAPSE)
    same_again(phase)
    assert isinstance(phase, ufmin.Phase)
    assert phase.threshold == pytest.approx(142.56968681, abs=1e-6)
    assert phase.collapsed == [[2, 3]]
    assert phase.vary == "ratio" and phase.range == (1.0, 1e9) and not phase.never
    assert phase.intervals[0][0] == phase.threshold
    assert [neighbour["collapsed"] for neighbour in phase.certified] == [False, True]
    assert without_times(phase.to_dict()) == without_times(
        cli("phase", "--sizes", "100,100,10,10", "--temperature", "1", "--vary", "ratio")
    )


def test_phase_over_the_temperature_and_never() -> None:
    phase = ufmin.phase(COLLAPSE, vary="temperature", temperatures=(0.1, 10.0), points=100)
    assert isinstance(phase, ufmin.Phase)
    assert phase.vary == "temperature" and phase.range == (0.1, 10.0)
    assert ufmin.phase(COLLAPSE, nonnegative=True).never
    with pytest.raises(ufmin.ProblemError, match="2 dimensions"):
        ufmin.phase(COLLAPSE, dimension=2)


def test_phase_of_a_profile_keeps_its_form() -> None:
    step = ufmin.phase(profile="step", majority=2, minority=2, smallest=10, ratio=3.7, temperature=1.0)
    assert step.threshold == pytest.approx(142.56968681, abs=1e-6)


def test_phase_of_cross_entropy(cli: Cli) -> None:
    file = ROOT / "problems" / "layer-peeled.toml"
    found = ufmin.phase(ufmin.Problem.from_file(file), ratios=(1.0, 100.0), points=20)
    same_again(found)
    assert isinstance(found, ufmin.CrossEntropyThreshold)
    assert found.threshold is not None and found.range == (1.0, 100.0) and not found.never
    assert found.collapsed == [[5, 6, 7, 8, 9]]
    assert found.to_dict() == cli("phase", str(file), "--vary", "ratio", "--ratios", "1..100", "--points", "20")
    with pytest.raises(ufmin.ProblemError, match="no temperature"):
        ufmin.phase(ufmin.Problem.from_file(file), vary="temperature")


def test_phase_diagram(tmp_path: Path) -> None:
    diagram = ufmin.phase(COLLAPSE, grid=(6, 5), ratios=(1.0, 500.0), temperatures=(0.1, 2.0))
    same_again(diagram)
    assert isinstance(diagram, ufmin.PhaseDiagram)
    assert diagram.ratios.shape == (6,) and diagram.temperatures.shape == (5,)
    assert diagram.collapsed.shape == (5, 6)
    assert diagram.collapsed[0, 0] == 0 and diagram.collapsed.max() == 2
    assert all(curve.shape[1] == 2 for curve in diagram.boundary) and diagram.boundary
    table = diagram.table()
    assert table is not None and {len(column) for column in table.values()} == {30}
    diagram.save(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"phase.json", "phase.csv", "phase.png", "phase.svg"}


def test_curve(cli: Cli, tmp_path: Path) -> None:
    curve = ufmin.curve(TAIL, vary="batch-size", values=[64, 8, 8, 16])
    same_again(curve)
    assert curve.vary == "batch-size"
    assert curve.values.tolist() == [8, 16, 64]
    assert [row["loss"] for row in curve.rows] == curve.loss.tolist()
    assert (np.diff(curve.loss) > 0).all()
    assert curve.nearest_degrees.shape == (3,)
    assert curve.limit is not None and curve.limit["name"] == "full-batch"
    table = curve.table()
    assert table is not None and table["batch_size"].tolist() == [8, 16, 64]  # type: ignore[union-attr]
    assert without_times(curve.to_dict()) == without_times(
        cli("curve", "--sizes", "500,100,20,5", "--vary", "batch-size", "--values", "8,16,64")
    )
    curve.save(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"curve.json", "curve.csv", "curve.png", "curve.svg"}


def test_curves_of_other_quantities() -> None:
    assert ufmin.curve(sizes=[50, 5], vary="negatives", values=[1, 4]).rows[0]["value"] == 1
    temperatures = ufmin.curve(TAIL, vary="temperature")
    assert temperatures.values.tolist() == [0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0]
    power = ufmin.curve(sizes=[50, 5], batch_size=8, vary="power", values=[0.0, 1.0])
    assert power.limit is None and power.values.tolist() == [0, 1]
    with pytest.raises(TypeError, match="vary"):
        ufmin.curve(TAIL)  # type: ignore[call-arg]


def test_tables_are_what_pandas_takes() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ufmin.curve(TAIL, vary="temperature", values=[0.1, 1.0]).table())
    assert frame.shape[0] == 2
    assert frame["temperature"].dtype == frame["loss"].dtype == np.float64
    assert frame["collapsed_classes"].dtype == np.int64
    assert frame["distance_to_limit"].isna().all()


def test_verify(cli: Cli, tmp_path: Path) -> None:
    file = str(ROOT / "problems" / "five-in-the-plane.toml")
    landscape = ufmin.verify(ufmin.Problem.from_file(file), starts=20, level="class", seed=3)
    assert isinstance(landscape, ufmin.Landscape)
    assert (landscape.dimension, landscape.starts) == (6, 20)
    counted = landscape.global_minima + landscape.spurious + landscape.saddles
    assert 0 < counted <= landscape.converged + landscape.saddles
    assert sum(minimum["count"] for minimum in landscape.distinct_minima) == landscape.converged
    table = landscape.table()
    assert table is not None and len(table["loss"]) == 20
    assert without_times(landscape.to_dict()) == without_times(
        cli("verify", file, "--starts", "20", "--level", "class", "--seed", "3")
    )
    easy = ufmin.verify(sizes=[6, 6, 3], starts=6)
    same_again(easy)
    easy.save(tmp_path)
    assert (tmp_path / "result.json").exists()
    sweep = ufmin.verify(sizes=[6, 6, 3], starts=6, dimensions=(3, 4), level="class")
    same_again(sweep)
    assert isinstance(sweep, ufmin.LandscapeSweep)
    assert [row["dimension"] for row in sweep.rows] == [3, 4]


def test_compare(cli: Cli, tmp_path: Path) -> None:
    comparison = ufmin.compare(TAIL)
    same_again(comparison)
    assert comparison.losses == ["supcon", "sincere", "nscl", "bcl", "population"]
    assert comparison.conclusion
    assert all(gram is not None and gram.shape == (4, 4) for gram in comparison.grams)
    assert [row["loss"] for row in comparison.rows] == comparison.losses
    assert comparison.latex() is not None and "tabular" in str(comparison.latex())
    assert without_times(comparison.to_dict()) == without_times(cli("compare", "--sizes", "500,100,20,5"))
    comparison.save(tmp_path)
    assert {"compare.json", "compare.csv", "compare.tex", "compare.png"} <= {file.name for file in tmp_path.iterdir()}
    both = ufmin.compare(sizes=[20, 20, 5], losses=["supcon", "cross-entropy"], temperature=0.2)
    assert both.losses == ["supcon", "cross-entropy"]
    assert both.to_dict() == cli(
        "compare", "--sizes", "20,20,5", "--losses", "supcon,cross-entropy", "--temperature", "0.2"
    )


def test_evaluate(cli: Cli, tmp_path: Path) -> None:
    H, y = features()
    W = np.random.default_rng(1).normal(size=(5, 8))
    evaluation = ufmin.evaluate(H, y, temperature=0.2, classifier=W)
    same_again(evaluation)
    assert evaluation.gap_to_optimum == pytest.approx(evaluation.loss - evaluation.optimal_loss)
    assert evaluation.relative_gap > 0 and evaluation.gram_distance is not None
    assert set(evaluation.nc1) == {"trace_ratio", "pinv"} and "equinorm" in evaluation.nc2
    assert evaluation.nc3 is not None and 0 <= evaluation.ncc_accuracy <= 1
    assert evaluation.class_gram is not None and evaluation.optimal_gram is not None
    assert evaluation.class_gram.shape == evaluation.optimal_gram.shape == (5, 5)
    assert all(set(advice) == {"action", "sentence", "rests_on"} for advice in evaluation.advice)
    assert isinstance(evaluation.warnings, list)
    table = evaluation.table()
    assert table is not None and table["size"].tolist() == [30, 30, 20, 10, 10]  # type: ignore[union-attr]
    np.save(tmp_path / "H.npy", H)
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "W.npy", W)
    stated = cli(
        "evaluate", "--embeddings", "H.npy", "--labels", "y.npy", "--classifier", "W.npy", "--temperature", "0.2"
    )
    assert without_times(stated) == without_times(evaluation.to_dict()) | {"embeddings": "H.npy"}
    # The loss, once more.
    h = H / np.linalg.norm(H, axis=1, keepdims=True)
    s = h @ h.T / 0.2
    np.fill_diagonal(s, -np.inf)
    positive = (y[:, None] == y) & ~np.eye(len(y), dtype=bool)
    log_p = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -(np.where(positive, log_p, 0).sum(axis=1) / positive.sum(axis=1)).mean()
    assert evaluation.loss == pytest.approx(loss, rel=1e-12)


def test_evaluate_takes_any_array(tmp_path: Path) -> None:
    H, y = features()
    rows = H.astype(np.float32)
    np.save(tmp_path / "H.npy", rows)
    expected = without_times(ufmin.evaluate(rows.astype(float), y).to_dict())
    for given in (rows, np.load(tmp_path / "H.npy", mmap_mode="r"), np.asfortranarray(rows), rows.tolist()):
        assert without_times(ufmin.evaluate(given, y.tolist()).to_dict()) == expected
    problem = ufmin.Problem.from_labels(y, temperature=0.5)
    assert ufmin.evaluate(rows, y, problem).loss == ufmin.evaluate(rows, y, temperature=0.5).loss
    views = ufmin.evaluate(np.repeat(rows, 2, axis=0), np.repeat(y, 2), views=2)
    assert views.to_dict()["problem"]["sizes"] == [30, 30, 20, 10, 10]
    optimum = ufmin.solve(problem)
    perfect = ufmin.evaluate(optimum.embeddings[y], y, problem)
    assert perfect.relative_gap < 1e-6 and perfect.ncc_accuracy == 1


def test_explain(cli: Cli, tmp_path: Path) -> None:
    H, y = features()
    explanation = ufmin.explain(H, y, temperature=0.5)
    same_again(explanation)
    assert 0 <= explanation.repelling_share == explanation.all["repelling_share"] <= 1
    assert explanation.per_anchor is not None and len(explanation.per_anchor) == 100
    table = explanation.table()
    assert table is not None and len(table["supcon"]) == 5
    np.save(tmp_path / "H.npy", H)
    np.save(tmp_path / "y.npy", y)
    stated = cli("explain", "--embeddings", "H.npy", "--labels", "y.npy", "--temperature", "0.5")
    assert stated == explanation.to_dict() | {"embeddings": "H.npy"}


def test_bound(cli: Cli) -> None:
    bound = ufmin.bound(classes=3, per_class=2, batch=4)
    same_again(bound)
    assert bound.value is not None and bound.log_value == pytest.approx(np.log(bound.value))
    assert bound.per_batch > 0 and bound.per_anchor is not None
    assert bound.to_dict() == cli("bound", "all-batches", "--classes", "3", "--per-class", "2", "--batch", "4")
    for keywords, field in (
        ({"classes": 1}, "classes"),
        ({"per_class": 0}, "per_class"),
        ({"batch": 1}, "batch"),
        ({"radius": -1.0}, "radius"),
        ({"temperature": 0.0}, "temperature"),
    ):
        with pytest.raises(ufmin.ProblemError) as caught:
            ufmin.bound(**({"classes": 3, "per_class": 2, "batch": 4} | keywords))  # type: ignore[arg-type]
        assert caught.value.field == field


def test_batches(cli: Cli, tmp_path: Path) -> None:
    y = np.array([0, 1, 0, 1, 2, 2, 0, 1, 2])
    drawn = ufmin.sample_batches(labels=y, size=4, seed=7)
    assert sorted(sample for batch in drawn for sample in batch) == list(range(9))
    assert drawn == ufmin.sample_batches(ufmin.Problem.from_labels(y), size=4, seed=7)
    assert drawn != ufmin.sample_batches(labels=y, size=4, seed=8)
    assert [len(batch) for batch in ufmin.sample_batches(labels=y, size=4, drop_last=True)] == [4, 4]
    for batch in ufmin.sample_batches(labels=y, size=3, stratified=True):
        assert len(set(y[batch])) >= 2
    np.save(tmp_path / "y.npy", y)
    cli("batches", "sample", "--labels", "y.npy", "--size", "4", "--seed", "7", "--output", "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == drawn
    problem = ufmin.Problem.from_labels(y, batches=drawn, nonnegative=True)
    check = ufmin.check_batches(problem)
    assert check.unique_orthogonal_frame is False and not check.passes
    stated = cli("batches", "check", "--labels", "y.npy", "--batches", "b.json", "--nonnegative")
    # A Problem numbers its classes; the command calls them by their labels.
    assert stated["problem"].pop("class_labels") == [0, 1, 2]
    own = check.to_dict()
    assert own["problem"].pop("class_labels") is None
    assert own == stated
    bound = ufmin.bind_batches(problem)
    again = ufmin.check_batches(problem, batches=bound)
    same_again(again)
    assert again.unique_orthogonal_frame and again.missing_pairs == [] and again.without_positive == []
    assert again.connected == [True, True, True]
    assert all(set(before) <= set(after) for before, after in zip(drawn, bound, strict=True))
    cli("batches", "bind", "--labels", "y.npy", "--batches", "b.json", "--output", "c.json")
    assert json.loads((tmp_path / "c.json").read_text()) == bound
    with pytest.raises(ufmin.ProblemError, match="no fixed batches"):
        ufmin.check_batches(labels=y)
