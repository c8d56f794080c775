"""Agreement with models that share nothing with the library: CVXPY, solved by Clarabel, from the definition of each loss."""

from __future__ import annotations

from itertools import combinations
from math import factorial, prod
from typing import Any

import numpy as np
import pytest
import ufmin

cvxpy = pytest.importorskip("cvxpy")
pytest.importorskip("clarabel")

def minimum(objective: Any, constraints: list[Any], tolerance: float = 1e-10) -> float:
    problem = cvxpy.Problem(cvxpy.Minimize(objective), constraints)
    problem.solve(solver="CLARABEL", tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
    assert problem.status == "optimal"
    return float(problem.value)


def gram(k: int, nonnegative: bool = False) -> tuple[Any, list[Any]]:
    M = cvxpy.Variable((k, k), PSD=True)
    constraints = [cvxpy.diag(M) == 1]
    return M, [*constraints, M >= 0] if nonnegative else constraints


def row(M: Any, c: int, own: float, others: list[float], tau: float) -> Any:
    """log(own + sum_c' others_c' exp((M_cc' - 1)/tau))."""
    terms = [np.log(own)] if own > 0 else []
    terms += [np.log(mass) + (M[c, other] - 1) / tau for other, mass in enumerate(others) if mass > 0 and other != c]
    return cvxpy.log_sum_exp(cvxpy.hstack(terms)) if terms else 0.0


FULL_BATCH = {
    "supcon": (lambda n: n - 1, lambda n: n),
    "sincere": (lambda n: 1.0, lambda n: n),
    "nscl": (lambda n: 0.0, lambda n: n),
    "population": (lambda n: n, lambda n: n),
    "bcl": (lambda n: 1.0, lambda n: 1.0),
}
SIZES = [[7, 4], [50, 20, 5], [9, 9, 9, 3, 3], [60, 40, 30, 20, 12, 9, 7, 6, 5, 4, 3, 2]]


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("anchors", ["sample", "class"])
@pytest.mark.parametrize("loss", FULL_BATCH)
@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: f"k={len(sizes)}")
def test_full_batches(sizes: list[int], loss: Any, anchors: Any, nonnegative: bool) -> None:
    tau, k = 0.7, len(sizes)
    own, mass = FULL_BATCH[loss]
    weights = np.array(sizes) / sum(sizes) if anchors == "sample" else np.ones(k) / k
    M, constraints = gram(k, nonnegative)
    rows = [weights[c] * row(M, c, own(sizes[c]), [mass(n) for n in sizes], tau) for c in range(k)]
    expected = minimum(sum(rows), constraints)
    found = ufmin.solve(sizes=sizes, loss=loss, anchors=anchors, temperature=tau, nonnegative=nonnegative)
    assert found.loss == pytest.approx(expected, rel=2e-7)
    assert found.is_certified and found.certificate.lower_bound <= expected + 1e-7


def draws(count: int, k: int) -> list[tuple[int, ...]]:
    """All ways to draw `count` from k classes."""
    if k == 1:
        return [(count,)]
    return [(first, *rest) for first in range(count + 1) for rest in draws(count - first, k - 1)]


def chance(draw: tuple[int, ...], rho: Any) -> float:
    ways = factorial(sum(draw)) / prod(factorial(t) for t in draw)
    return float(ways * prod(rho[c] ** t for c, t in enumerate(draw)))


@pytest.mark.parametrize(("sizes", "q"), [([5, 3], 3), ([6, 3, 1], 2)])
def test_sampled_negatives(sizes: list[int], q: int) -> None:
    rho, tau, k = np.array(sizes) / sum(sizes), 0.5, len(sizes)
    M, constraints = gram(k)
    objective = sum(
        rho[c] * chance(t, rho) * row(M, c, 1.0 + t[c], list(t), tau) for c in range(k) for t in draws(q, k)
    )
    expected = minimum(objective, constraints)
    found = ufmin.solve(sizes=sizes, loss="nce", negatives=q, temperature=tau)
    assert found.loss == pytest.approx(expected, rel=2e-7)
    assert found.is_certified


@pytest.mark.parametrize("loss", ["supcon", "sincere"])
@pytest.mark.parametrize(("sizes", "batch", "power"), [([5, 3], 4, 1.0), ([6, 3, 2], 4, 0.5)])
def test_random_batches(sizes: list[int], batch: int, power: float, loss: Any) -> None:
    rho, tau, k = np.array(sizes, dtype=float) ** power, 0.5, len(sizes)
    rho /= rho.sum()
    M, constraints = gram(k)
    terms = []
    for drawn in draws(batch, k):
        for c in range(k):
            if drawn[c] >= 2:
                own = drawn[c] - 1.0 if loss == "supcon" else 1.0
                terms.append(chance(drawn, rho) * drawn[c] / batch * row(M, c, own, list(drawn), tau))
    expected = minimum(sum(terms), constraints)
    found = ufmin.solve(sizes=sizes, loss=loss, batch_size=batch, power=power, temperature=tau)
    assert found.loss == pytest.approx(expected, rel=2e-7)
    assert found.is_certified


@pytest.mark.parametrize("loss", ["supcon", "sincere"])
def test_class_balanced_batches(loss: Any) -> None:
    k, classes, each, tau = 4, 3, 2, 0.5
    M, constraints = gram(k)
    sets = list(combinations(range(k), classes))
    own = each - 1.0 if loss == "supcon" else 1.0
    terms = [
        row(M, c, own, [each if other in drawn else 0 for other in range(k)], tau) / classes / len(sets)
        for drawn in sets
        for c in drawn
    ]
    expected = minimum(sum(terms), constraints)
    found = ufmin.solve(sizes=[90, 20, 5, 5], loss=loss, batch_classes=classes, per_class=each, temperature=tau)
    assert found.loss == pytest.approx(expected, rel=2e-7)


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("loss", ["supcon", "sincere", "nscl"])
def test_fixed_batches(loss: Any, nonnegative: bool) -> None:
    labels, tau = [0, 1, 0, 1, 0, 2, 2], 0.5
    batches = [[0, 1, 2, 3], [2, 3, 4, 5], [0, 4, 5, 6, 1]]
    G, constraints = gram(len(labels), nonnegative)
    terms = []
    for batch in batches:
        for i in batch:
            positives = [j for j in batch if j != i and labels[j] == labels[i]]
            negatives = [j for j in batch if labels[j] != labels[i]]
            if not positives:
                continue
            for j in positives:
                below = {"supcon": [l for l in batch if l != i], "sincere": [*negatives, j], "nscl": negatives}[loss]
                logits = cvxpy.hstack([(G[i, l] - G[i, j]) / tau for l in below])
                terms.append((len(positives), cvxpy.log_sum_exp(logits)))
    anchors = sum(1 / count for count, _ in terms)
    expected = minimum(sum(term / count for count, term in terms) / anchors, constraints, tolerance=1e-7)
    found = ufmin.solve(labels=labels, batches=batches, loss=loss, temperature=tau, nonnegative=nonnegative)
    assert found.loss == pytest.approx(expected, rel=1e-5)
    assert found.is_certified


@pytest.mark.parametrize(
    "held",
    [
        {"classifier_norm": 1.0, "feature_norm": 4.0},
        {"classifier_energy": 1.0, "feature_energy": 5.0},
        {"classifier_frobenius": 2.0, "feature_norm": 3.0},
        {"classifier_ridge": 0.02, "feature_ridge": 0.001},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("sizes", [[8, 4], [20, 20, 5, 2]], ids=lambda sizes: f"k={len(sizes)}")
def test_cross_entropy(sizes: list[int], held: dict[str, float]) -> None:
    n, k = np.array(sizes), len(sizes)
    p = n / n.sum()
    # The Gram matrix of [W, H] with one feature a class.
    Z = cvxpy.Variable((2 * k, 2 * k), PSD=True)
    w, h, logits = cvxpy.diag(Z)[:k], cvxpy.diag(Z)[k:], Z[:k, k:]
    objective = sum(p[c] * (cvxpy.log_sum_exp(logits[:, c]) - logits[c, c]) for c in range(k))
    constraints = []
    for key, value in held.items():
        side = w if key.startswith("classifier") else h
        if key.endswith("norm"):
            constraints.append(side <= value**2)
        elif key.endswith("energy"):
            constraints.append(cvxpy.sum(side) / k <= value)
        elif key.endswith("frobenius"):
            constraints.append(cvxpy.sum(side) <= value**2)
        else:
            objective += value / 2 * (cvxpy.sum(side) if side is w else n @ side)
    expected = minimum(objective, constraints)
    found = ufmin.solve(sizes=sizes, loss="cross-entropy", **held)  # type: ignore[arg-type]
    assert found.loss == pytest.approx(expected, rel=2e-6)
    assert found.is_certified
