"""What must not matter does not: hypothesis looks for what does."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import ufmin
from hypothesis import given, settings
from hypothesis import strategies as st

settings.register_profile("calm", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("calm")

SIZES = st.lists(st.integers(2, 300), min_size=2, max_size=8)
LOSSES = st.sampled_from(["supcon", "sincere", "nscl", "population", "bcl"])
TEMPERATURES = st.floats(0.05, 5.0)


def solve(**keywords: Any) -> ufmin.Solution:
    return ufmin.solve(cross_check="never", **keywords)


@given(SIZES, LOSSES, TEMPERATURES, st.randoms(use_true_random=False))
def test_the_order_of_classes(sizes: list[int], loss: str, temperature: float, random: Any) -> None:
    order = list(range(len(sizes)))
    random.shuffle(order)
    one = solve(sizes=sizes, loss=loss, temperature=temperature)
    other = solve(sizes=[sizes[c] for c in order], loss=loss, temperature=temperature)
    assert other.loss == one.loss
    assert np.array_equal(other.gram, one.gram[np.ix_(order, order)])
    moved = {frozenset(order[c] for c in classes) for classes in other.collapsed}
    assert moved == {frozenset(classes) for classes in one.collapsed}


@given(SIZES, LOSSES, TEMPERATURES, st.integers(2, 4))
def test_views_are_as_many_samples(sizes: list[int], loss: str, temperature: float, views: int) -> None:
    viewed = solve(sizes=sizes, views=views, loss=loss, temperature=temperature)
    counted = solve(sizes=[views * size for size in sizes], loss=loss, temperature=temperature)
    assert viewed.loss == counted.loss
    assert np.array_equal(viewed.gram, counted.gram)


@given(SIZES, st.randoms(use_true_random=False), st.integers(-5, 5), st.sampled_from([np.int8, np.uint16, np.int64]))
def test_labels_are_names(sizes: list[int], random: Any, shift: int, kind: Any) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    random.shuffle(labels)
    names = np.array(labels) + (shift if kind is not np.uint16 else abs(shift))
    problem = ufmin.Problem.from_labels(names.astype(kind))
    assert problem.sizes == tuple(sizes)
    assert problem == ufmin.Problem(sizes=sizes)


@given(SIZES, st.sampled_from([np.float16, np.float32, np.float64, complex]))
def test_labels_that_are_no_integers_are_refused(sizes: list[int], kind: Any) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes).astype(kind)
    with pytest.raises(ufmin.ProblemError, match="integer type"):
        ufmin.Problem.from_labels(labels)


@given(SIZES, LOSSES, TEMPERATURES)
def test_no_geometry_is_better(sizes: list[int], loss: str, temperature: float) -> None:
    solution = solve(sizes=sizes, loss=loss, temperature=temperature)
    assert solution.is_certified
    assert all(reference["loss_above_optimum"] >= -1e-12 for reference in solution.references)
    assert solution.certificate.lower_bound <= solution.loss
    eigenvalues = np.linalg.eigvalsh(solution.gram)
    assert eigenvalues[0] > -1e-10
    assert np.abs(solution.embeddings @ solution.embeddings.T - solution.gram).max() < 1e-9


@given(SIZES, LOSSES, TEMPERATURES, st.one_of(st.none(), st.text(st.characters(codec="ascii", categories=["L", "N"]))))
def test_problems_survive(sizes: list[int], loss: str, temperature: float, title: str | None) -> None:
    problem = ufmin.Problem(sizes=sizes, loss=loss, temperature=temperature, title=title)  # type: ignore[arg-type]
    assert eval(repr(problem), {"ufmin": ufmin}) == problem == pickle.loads(pickle.dumps(problem))
    assert problem.sizes == tuple(sizes) and problem.temperature == temperature
