"""Brute-force SAMPLE-level losses (THEORY section 1) at random unit features, by plain loops in 40 digits.

Also checks, at collapsed features, that each sample-level definition equals its row of the class-level table (3).
Usage: python sample_level.py            writes sample_level.json next to this file
"""
import json
import os
import platform

import mpmath
import numpy as np
from mpmath import mp, mpf

from make_reference import Program

mp.dps = 40
HERE = os.path.dirname(os.path.abspath(__file__))
LOSSES = ["supcon", "sincere", "nscl", "population", "bcl"]


def sample_loss(G, y, tau, loss, anchors):
    """G[i][l] = h_i . h_l; every label occurs at least twice."""
    N, classes = len(y), sorted(set(y))
    total = mpf(0)
    for i in range(N):
        own = [l for l in range(N) if y[l] == y[i]]
        neg = [l for l in range(N) if y[l] != y[i]]
        positives = own if loss == "population" else [j for j in own if j != i]
        acc = mpf(0)
        for j in positives:
            def e(l):
                return mp.exp((G[i][l] - G[i][j]) / tau)
            if loss == "supcon":
                den = mp.fsum(e(l) for l in range(N) if l != i)
            elif loss == "sincere":
                den = mp.fsum(e(l) for l in neg) + e(j)
            elif loss == "nscl":
                den = mp.fsum(e(l) for l in neg)
            elif loss == "population":
                den = mp.fsum(e(l) for l in range(N))
            else:
                den = mpf(0)
                for c in classes:
                    members = [l for l in range(N) if y[l] == c and l != i]
                    den += mp.fsum(e(l) for l in members) / len(members)
            acc += mp.log(den)
        weight = mpf(1) / N if anchors == "sample" else mpf(1) / (len(classes) * len(own))
        total += weight * acc / len(positives)
    return total


def gram(H):
    H = [[mpf(float(v)) for v in h] for h in H]
    return [[mp.fsum(p * q for p, q in zip(a, b)) for b in H] for a in H]


def unit(rng, n, d):
    H = rng.standard_normal((n, d))
    return H / np.linalg.norm(H, axis=1, keepdims=True)


def check_collapse(rng):
    """Largest |sample level - class level| over losses and weights at collapsed features."""
    worst = mpf(0)
    for y in ([0, 0, 1, 1, 1], [2, 0, 1, 0, 2, 1, 2, 2]):
        k = max(y) + 1
        C = np.eye(k)[:, ::-1] if k == 2 else np.array([[1.0, 0, 0], [0, 1.0, 0], [-0.6, 0.0, 0.8]])
        sizes = [y.count(c) for c in range(k)]
        M = np.array(gram(C), dtype=object)
        for loss in LOSSES:
            for anchors in ("sample", "class"):
                F = Program(sizes, loss, anchors, 0.3).values(M)[2]
                worst = max(worst, abs(F - sample_loss(gram(C[y]), y, mpf(0.3), loss, anchors)))
    return worst


def main():
    rng = np.random.default_rng(20240611)
    diff = check_collapse(rng)
    print("collapsed features: sample level = class level, largest difference", mp.nstr(diff, 3))
    assert diff < mpf(10) ** -14                  # (-.6, 0, .8) has unit length to 1e-16 only
    labels = [[0, 0, 1, 1], [1, 0, 1, 0, 1], [0, 1, 2, 0, 1, 2, 0], [2, 2, 0, 1, 1, 0, 1, 1], [3, 0, 1, 2, 3, 0, 1, 2, 0]]
    taus = [1.0, 0.5, 0.1, 0.07]
    out = []
    for a, y in enumerate(labels):
        for b in range(2):
            H, tau = unit(rng, len(y), 2 + (a + 2 * b) % 4), taus[(a + 2 * b) % 4]
            for loss in LOSSES:
                for anchors in ("sample", "class"):
                    if anchors == "class" and len({y.count(c) for c in y}) == 1:
                        continue                 # equal sizes: both weights are the same
                    v = sample_loss(gram(H), y, mpf(tau), loss, anchors)
                    out.append({"labels": y, "features": H.tolist(), "temperature": tau, "loss": loss,
                                "anchors": anchors, "value": float(v)})
    head = {"made_by": "python sample_level.py",
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "mpmath": mpmath.__version__},
            "method": "loops over anchors, positives and denominators, 40 digits, inputs exactly the float64 values"}
    with open(os.path.join(HERE, "sample_level.json"), "w") as f:
        body = ",\n  ".join(json.dumps(c) for c in out)
        f.write("{" + ",\n ".join(f'"{k}": {json.dumps(v)}' for k, v in head.items()) + f',\n "cases": [\n  {body}\n]}}\n')
    print(len(out), "cases")


if __name__ == "__main__":
    main()
