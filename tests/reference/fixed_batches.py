"""Optima of THEORY (12) on single samples, by CVXPY and Clarabel: fixed_batches.json.

    pip install cvxpy==1.9.3 clarabel==0.11.1 numpy
    python tests/reference/fixed_batches.py > tests/reference/fixed_batches.json

Nothing is reduced by symmetry: one positive semidefinite matrix over all samples with unit diagonal, and the loss as it is
defined, one log-sum-exp for each anchor (sincere: for each anchor and positive) in each batch.
"""
import json
import random

import clarabel
import cvxpy as cp
import numpy as np


def loss_of(gram, labels, batches, kind, tau):
    rows, anchors = [], 0
    for batch in batches:
        for i in batch:
            positives = [j for j in batch if j != i and labels[j] == labels[i]]
            negatives = [j for j in batch if labels[j] != labels[i]]
            if not positives or (kind == "nscl" and not negatives):
                continue
            anchors += 1
            mean = cp.sum(cp.hstack([gram[i, j] for j in positives])) / (tau * len(positives))

            def total(terms):
                return cp.log_sum_exp(cp.hstack([gram[i, j] / tau + np.log(m) for j, m in terms]))

            if kind == "sincere":
                each = [total([(j, 1.0)] + [(l, 1.0) for l in negatives]) for j in positives]
                rows.append(cp.sum(cp.hstack(each)) / len(positives) - mean)
            elif kind == "nscl":
                rows.append(total([(l, 1.0) for l in negatives]) - mean)
            elif kind == "supcon":
                rows.append(total([(l, 1.0) for l in positives + negatives]) - mean)
            else:
                size = {c: sum(labels[l] == c for l in batch) for c in set(labels)}
                terms = [(j, 1.0 / len(positives)) for j in positives]
                rows.append(total(terms + [(l, 1.0 / size[labels[l]]) for l in negatives]) - mean)
    return cp.sum(cp.hstack(rows)) / anchors


def optimum(labels, batches, kind, tau):
    n = len(labels)
    gram = cp.Variable((n, n), PSD=True)
    problem = cp.Problem(cp.Minimize(loss_of(gram, labels, batches, kind, tau)), [cp.diag(gram) == 1])
    problem.solve(
        solver=cp.CLARABEL,
        tol_gap_abs=1e-11,
        tol_gap_rel=1e-11,
        tol_feas=1e-11,
        reduced_tol_gap_abs=1e-9,
        reduced_tol_gap_rel=1e-9,
        reduced_tol_feas=1e-9,
    )
    return problem.value, gram.value


def main():
    draw = random.Random(12)
    cases = []
    while len(cases) < 16:
        kind = ["supcon", "sincere", "nscl", "bcl"][len(cases) % 4]
        sizes = [draw.randint(2, 5) for _ in range(draw.randint(2, 4))]
        labels = [c for c, size in enumerate(sizes) for _ in range(size)]
        n = len(labels)
        batches = [sorted(draw.sample(range(n), draw.randint(4, min(8, n)))) for _ in range(draw.randint(2, 4))]
        meets = lambda c: any(sum(labels[i] == c for i in b) > 1 for b in batches)
        mixed = any(len({labels[i] for i in b}) > 1 for b in batches)
        if set(range(n)) - {i for b in batches for i in b} or not mixed or not all(map(meets, range(len(sizes)))):
            continue
        tau = round(10 ** draw.uniform(-0.7, 0.3), 3)
        value, gram = optimum(labels, batches, kind, tau)
        shared = sorted({(i, j) for b in batches for i in b for j in b if i < j})
        entries = [[i, j, float(gram[i, j])] for i, j in shared if any(len({labels[l] for l in b}) > 1 for b in batches if i in b and j in b)]
        cases.append({"loss": kind, "sizes": sizes, "batches": batches, "temperature": tau, "value": float(value), "entries": entries})
    source = f"cvxpy {cp.__version__}, clarabel {clarabel.__version__}"
    print(json.dumps({"source": source, "cases": cases}, indent=None).replace('{"loss"', '\n{"loss"'))


main()
