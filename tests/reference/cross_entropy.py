"""Optima of the cross-entropy UFM by CVXPY and Clarabel, for cross_entropy.json.

One positive semidefinite matrix over [W, H] of all classes, without any reduction by symmetry: independent of the
project in formulation, method and code. Run: python cross_entropy.py > cross_entropy.json
"""

import json

import cvxpy as cp
import numpy as np

CASES = [
    ([7] * 4, ("norm", 1.0), ("norm", 1.0)),
    ([100, 50, 20, 10, 5, 1], ("norm", 1.0), ("norm", 3.0)),
    ([100, 50, 20, 10, 5, 1], ("energy", 1.0), ("energy", 5.0)),
    ([100, 50, 20, 10, 5, 1], ("frobenius", 2.0), ("norm", 3.0)),
    ([100, 50, 20, 10, 5, 1], ("ridge", 0.01), ("ridge", 0.0001)),
    ([100, 50, 20, 10, 5, 1], ("ridge", 0.01), ("energy", 3.0)),
    ([100, 50, 20, 10, 5, 1], ("norm", 2.0), ("ridge", 0.001)),
    ([100, 10, 100, 10, 10], ("energy", 1.0), ("energy", 5.0)),
    ([1000, 10, 1000, 10, 10], ("energy", 1.0), ("energy", 5.0)),
    ([1000, 1000, 1, 1, 1], ("norm", 1.0), ("ridge", 1e-4)),
    ([1300] * 5 + [100] * 5, ("energy", 1.0), ("energy", 5.0)),
    ([40, 1], ("ridge", 0.02), ("norm", 2.0)),
]


def solve(sizes, classifier, features):
    k = len(sizes)
    n = np.array(sizes, dtype=float)
    gram = cp.Variable((2 * k, 2 * k), PSD=True)
    a, b, z = cp.diag(gram)[:k], cp.diag(gram)[k:], gram[:k, k:]
    loss = sum(n[c] / n.sum() * (cp.log_sum_exp(z[:, c]) - z[c, c]) for c in range(k))
    constraints = []
    for side, (kind, value), weights in [(a, classifier, np.ones(k)), (b, features, n)]:
        if kind == "norm":
            constraints.append(side <= value**2)
        elif kind == "energy":
            constraints.append(cp.sum(side) <= k * value)
        elif kind == "frobenius":
            constraints.append(cp.sum(side) <= value**2)
        else:
            loss = loss + value / 2 * (weights @ side)
    problem = cp.Problem(cp.Minimize(loss), constraints)
    problem.solve(solver="CLARABEL", tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return {
        "sizes": sizes,
        "classifier": list(classifier),
        "features": list(features),
        "status": problem.status,
        "loss": float(problem.value),
        "logits": z.value.tolist(),
    }


print(json.dumps([solve(*case) for case in CASES], indent=1))
