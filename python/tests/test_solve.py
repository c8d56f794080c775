"""`solve` and `Solution`: every attribute, against each other and against the command."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ufmin
from conftest import ROOT, Cli, without_times

STEP = ufmin.Problem(sizes=[100, 100, 10, 10], temperature=0.2)


@pytest.fixture(scope="module")
def step() -> ufmin.Solution:
    return ufmin.solve(STEP)


def test_numbers(step: ufmin.Solution) -> None:
    assert step.problem == STEP
    assert step.excess is not None and step.floor is not None and step.log_excess is not None
    assert step.loss == pytest.approx(step.floor + step.excess, rel=1e-15)
    assert step.log_excess == pytest.approx(np.log(step.excess), rel=1e-14)
    assert step.rank == 3
    assert (step.method, step.termination) == ("dual", "converged")
    assert step.iterations > 0 and step.seconds > 0
    assert step.collapsed == []
    assert [reference["name"] for reference in step.references] == ["etf", "orthogonal-frame", "merged-minorities", "all-equal"]
    assert all(reference["loss_above_optimum"] > 0 for reference in step.references)
    assert step.warnings == []
    assert step.cross_check is not None and step.cross_check["gram_difference"] < 1e-5
    assert ufmin.solve(STEP, cross_check="never").cross_check is None


def test_certificate(step: ufmin.Solution) -> None:
    certificate = step.certificate
    assert certificate.is_certified and step.is_certified and step.passes and step.is_complete
    assert certificate.verdict == "certified"
    assert certificate.tolerance == 1e-9
    assert 0 <= certificate.gap < 1e-12
    assert certificate.lower_bound == pytest.approx(step.loss - certificate.gap, rel=1e-15)
    assert certificate.relative_gap < 1e-9
    assert certificate.method == "rank-one-kappa"
    assert abs(certificate.min_eigenvalue) < 1e-12
    assert repr(certificate).startswith("<ufmin.Certificate: certified, lower bound ")


def test_arrays_agree_with_each_other(step: ufmin.Solution) -> None:
    assert step.gram.shape == (4, 4) and step.embeddings.shape == (4, step.rank)
    assert np.abs(step.embeddings @ step.embeddings.T - step.gram).max() < 1e-14
    assert np.array_equal(step.gram, step.gram.T) and np.array_equal(np.diag(step.gram), np.ones(4))
    for i in range(4):
        for j in range(4):
            assert step.entry(i, j) == step.gram[i, j] == step.entry(i - 4, j)
            degrees = np.degrees(np.arccos(np.clip(step.gram[i, j], -1, 1)))
            assert step.angle(i, j) == pytest.approx(degrees, abs=1e-6)
    assert [group["classes"] for group in step.groups] == [[0, 1], [2, 3]]
    assert step.group_gram.tolist() == [[step.gram[0, 1], step.gram[0, 2]], [step.gram[0, 2], step.gram[2, 3]]]
    samples = step.problem.replace(sizes=[3, 2])
    assert ufmin.solve(samples).sample_gram().shape == (5, 5)
    for wrong in (4, -5):
        with pytest.raises(IndexError, match=f"class {wrong} of 4"):
            step.entry(0, wrong)


def test_arrays_are_cached_and_read_only(step: ufmin.Solution) -> None:
    for name in ("gram", "group_gram", "embeddings"):
        array = getattr(step, name)
        assert array is getattr(step, name)
        assert array.dtype == np.float64 and array.flags.c_contiguous
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 2


def test_collapse() -> None:
    solution = ufmin.solve(sizes=[1000, 1000, 2, 2], temperature=1.0)
    assert solution.collapsed == [[2, 3]]
    assert solution.entry(2, 3) == 1.0 and solution.angle(2, 3) == 0.0
    assert solution.rank == 2
    assert solution.is_certified


def test_small_angles_keep_their_digits() -> None:
    solution = ufmin.solve(sizes=[50, 50, 5], method="lowrank", cross_check="never")
    assert solution.angle(0, 0) == 0.0
    assert solution.method == "lowrank"
    assert solution.is_certified


@pytest.mark.parametrize("method", ["auto", "dual", "conic", "lowrank"])
def test_methods_and_tolerances(method: Any, step: ufmin.Solution) -> None:
    solution = ufmin.solve(STEP, method=method, tolerance=1e-5, threads=1)
    assert solution.certificate.tolerance == 1e-5
    assert solution.is_certified
    assert np.abs(solution.gram - step.gram).max() < 1e-4
    assert method == "auto" or solution.method == method


def test_keywords_over_a_problem_and_in_its_place(step: ufmin.Solution) -> None:
    assert ufmin.solve(sizes=[100, 100, 10, 10], temperature=0.2).loss == step.loss
    other = ufmin.solve(STEP, temperature=0.5)
    assert other.problem == STEP.replace(temperature=0.5)
    assert other.loss != step.loss


def test_one_look_is_enough_for_reports(step: ufmin.Solution) -> None:
    assert step.summary().startswith("4 classes, supcon, temperature 0.2")
    assert len(step.summary(verbose=True)) > len(step.summary())
    assert "CERTIFIED" in step.summary()
    assert step.pictures == ["gram"]
    assert step.png() == step._repr_png_()
    assert step.png("gram").startswith(b"\x89PNG") and step.pdf().startswith(b"%PDF")
    assert step.svg().startswith("<svg")
    assert step._repr_html_().startswith("<pre>4 classes") and "data:image/svg+xml" in step._repr_html_()
    assert step.table() is None and step.latex() is None
    with pytest.raises(ValueError, match="no picture is called curve; there are gram"):
        step.png("curve")
    assert repr(step).startswith("<ufmin.Solution: supcon on 4 classes, loss ") and "\n" not in repr(step)


def test_a_folder_is_what_the_command_writes(step: ufmin.Solution, tmp_path: Path) -> None:
    step.save(tmp_path / "deep" / "out")
    folder = tmp_path / "deep" / "out"
    assert {file.name for file in folder.iterdir()} == {
        "result.json",
        "gram.npy",
        "gram.png",
        "gram.svg",
        "embeddings.npy",
        "structure.npz",
        "certificate.npz",
    }
    assert np.array_equal(np.load(folder / "gram.npy"), step.gram)
    assert np.array_equal(np.load(folder / "embeddings.npy").T, step.embeddings)
    assert json.loads((folder / "result.json").read_text()) == step.to_dict()
    assert (folder / "gram.png").read_bytes() == step.png()


def test_a_loss_on_another_scale() -> None:
    plain = ufmin.solve(sizes=[5, 4]).to_dict()["solution"]
    scaled = ufmin.solve(sizes=[5, 4], loss_scale=2.0, reduction="sum").to_dict()["solution"]
    assert plain["reported_loss"] is None
    assert scaled["reported_loss"] == pytest.approx(2.0 * 9 * plain["loss"])


def test_dicts_list_what_is_asked_for() -> None:
    solution = ufmin.solve(sizes=range(2, 80))
    assert solution.to_dict()["solution"]["gram"] is None
    listed = solution.to_dict(full_gram=True)["solution"]["gram"]
    assert np.array_equal(listed, solution.gram)
    small = ufmin.solve(sizes=[3, 2])
    samples = small.to_dict(level="sample")["solution"]
    assert samples["level"] == "sample"
    assert np.array_equal(samples["sample_gram"], small.sample_gram())
    with pytest.raises(ufmin.ProblemError, match="level"):
        small.to_dict(level="pixel")  # type: ignore[arg-type]


def test_cross_entropy() -> None:
    solution = ufmin.solve(sizes=[20, 20, 5], loss="cross-entropy", classifier_norm=1.0, feature_norm=5.0)
    assert solution.is_certified
    assert solution.classifier is not None and solution.classifier_gram is not None and solution.logits is not None
    assert np.allclose(solution.classifier @ solution.embeddings.T, solution.logits)
    assert np.allclose(solution.embeddings @ solution.embeddings.T, solution.gram)
    assert np.allclose(solution.classifier @ solution.classifier.T, solution.classifier_gram)
    weights = np.array([20, 20, 5]) / 45
    logits = solution.logits
    loss = weights @ (np.log(np.exp(logits).sum(axis=0)) - np.diag(logits))
    assert solution.loss == pytest.approx(loss, rel=1e-12)
    assert (solution.excess, solution.floor, solution.log_excess) == (None, None, None)
    assert solution.cross_check is None and solution.references == [] and solution.warnings == []
    assert solution.pictures == ["gram", "classifier_gram", "logits"]
    assert solution.angle(0, 1) == pytest.approx(
        np.degrees(np.arccos(solution.entry(0, 1) / np.sqrt(solution.entry(0, 0) * solution.entry(1, 1))))
    )
    with pytest.raises(ufmin.ProblemError, match="no second method"):
        ufmin.solve(solution.problem, cross_check="always")
    with pytest.raises(ufmin.ProblemError, match="no sample level"):
        solution.sample_gram()
    contrastive = ufmin.solve(sizes=[5, 4])
    assert contrastive.classifier is None and contrastive.classifier_gram is None and contrastive.logits is None


def arguments(keywords: dict[str, Any]) -> list[str]:
    """Keywords as flags."""
    flags = []
    for name, value in keywords.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif isinstance(value, list):
            flags += [flag, ",".join(map(str, value))]
        else:
            flags += [flag, str(value)]
    return flags


@pytest.mark.parametrize(
    "keywords",
    [
        {"sizes": [500, 500, 5, 5]},
        {"sizes": [500, 50, 5], "loss": "sincere", "temperature": 0.07, "views": 2},
        {"sizes": [500, 50, 5], "loss": "nscl", "anchors": "class"},
        {"sizes": [500, 50, 1], "loss": "bcl", "singletons": "skip"},
        {"probabilities": [0.5, 0.3, 0.2], "loss": "population", "temperature": 1.0},
        {"sizes": [50, 5, 5], "loss": "nce", "negatives": 4},
        {"sizes": [50, 5, 5], "batch_size": 16, "power": 0.5},
        {"sizes": [50, 5, 5], "batch_classes": 2, "per_class": 4},
        {"sizes": [50, 5, 5], "nonnegative": True, "loss_scale": 2.5, "reduction": "sum"},
        {"sizes": [5, 5, 5, 5, 5], "dimension": 3, "tolerance": 1e-7},
        {"sizes": [50, 5, 5], "method": "conic"},
    ],
    ids=lambda keywords: " ".join(f"{key}={value}" for key, value in keywords.items()),
)
@pytest.mark.filterwarnings("ignore::ufmin.NotCertifiedWarning")
def test_the_answer_is_that_of_the_command_bit_for_bit(keywords: dict[str, Any], cli: Cli) -> None:
    found = ufmin.solve(**keywords).to_dict()
    assert without_times(found) == without_times(cli("solve", *arguments(keywords)))


@pytest.mark.parametrize("name", sorted(name for name, _ in ufmin.problems()))
@pytest.mark.filterwarnings("ignore::ufmin.NotCertifiedWarning")
def test_problem_files_are_solved_as_by_the_command(name: str, cli: Cli) -> None:
    file = ROOT / "problems" / f"{name}.toml"
    problem = ufmin.Problem.from_file(file)
    assert problem == ufmin.Problem.bundled(name)
    assert without_times(ufmin.solve(problem).to_dict()) == without_times(cli("solve", str(file)))


def test_solutions_survive_a_pickle(step: ufmin.Solution) -> None:
    ce = ufmin.solve(sizes=[20, 20, 5], loss="cross-entropy", classifier_norm=1.0, feature_norm=5.0)
    fixed = ufmin.solve(sizes=[3, 2], batches=[[0, 1, 2, 3], [2, 3, 4], [0, 4, 1]])
    lowrank = ufmin.solve(STEP, method="lowrank")
    many = ufmin.solve(profile="step", majority=50_000, minority=50_000, smallest=5, ratio=100)
    with pytest.warns(ufmin.NotCertifiedWarning):
        low = ufmin.solve(sizes=[5, 5, 5, 5, 5], dimension=2)
    for solution in (step, ce, fixed, lowrank, many, low):
        again = pickle.loads(pickle.dumps(solution))
        assert again.problem == solution.problem
        assert again.to_dict() == solution.to_dict()
        kept = pickle.loads(pickle.dumps(solution.certificate))
        for name in (member for member in dir(kept) if not member.startswith("_")):
            assert getattr(again.certificate, name) == getattr(solution.certificate, name) == getattr(kept, name)
        assert again.group_gram.tolist() == solution.group_gram.tolist()
        if solution is not many:
            assert np.array_equal(again.embeddings, solution.embeddings)


def test_what_is_no_pickle_of_the_problem_is_refused() -> None:
    restore, (problem, stored) = ufmin.solve(sizes=[5, 4, 3]).__reduce__()  # type: ignore[misc]
    assert restore(problem, stored).loss == ufmin.solve(problem).loss
    for other in (ufmin.Problem(sizes=[5, 4]), ufmin.Problem(sizes=[50, 4, 3])):
        with pytest.raises(ValueError, match="no solution of the problem"):
            restore(other, stored)
    with pytest.raises(ValueError, match="this is no solution"):
        restore(problem, stored[:-10])


def test_a_panic_is_a_solver_error() -> None:
    """A pickle that was tampered with: what the library takes for granted is gone."""
    restore, (problem, stored) = ufmin.solve(sizes=[5, 4, 3]).__reduce__()  # type: ignore[misc]
    three_ones = b"within_class\x83" + 3 * b"\xf9\x3c\x00"
    assert stored.count(three_ones) == 1
    broken = restore(problem, stored.replace(three_ones, b"within_class\x80"))
    with pytest.raises(ufmin.SolverError, match="internal error: index out of bounds") as caught:
        broken.to_dict()
    assert caught.value.hint is not None and "defect" in caught.value.hint
    assert ufmin.solve(problem).is_certified
