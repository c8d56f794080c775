"""Optima of the sampled losses, by enumeration of the draws in 40 digits -> sampled.json.

No integral and no fixed point: the loss is the plain sum over all count vectors of a multinomial draw. A float64 run over
angles of unit vectors gives a start, Newton's method in 40 digits the stationary point, and the dual matrix S of its
gradient, which must be positive semidefinite with S M = 0, proves it optimal.
"""

import json
import platform
import sys
from itertools import combinations

import mpmath as mp
import numpy as np
import scipy
from scipy.optimize import minimize

mp.mp.dps = 40

# kind, weights (probabilities are weights / sum), draws (q or b), views, temperature, vertex of every class
CASES = [
    ("nce", [5, 3, 2], 5, 1, "1", [0, 1, 2]),
    ("nce", [8, 1, 1], 5, 1, "1", [0, 1, 2]),
    ("nce", [1, 1, 1], 10, 1, "1", [0, 1, 2]),
    ("nce", [50, 30, 15, 5], 12, 1, "0.2", [0, 1, 2, 3]),
    ("nce", [6, 3, 1], 40, 1, "0.1", [0, 1, 2]),
    ("supcon", [10, 10, 1, 1], 8, 1, "1", [0, 1, 2, 2]),
    ("supcon", [10, 10, 1, 1], 16, 1, "1", [0, 1, 2, 3]),
    ("supcon", [70, 20, 10], 48, 1, "0.1", [0, 1, 2]),
    ("supcon", [70, 20, 10], 4, 1, "0.3", [0, 1, 2]),
    ("supcon", [60, 25, 15], 12, 2, "0.2", [0, 1, 2]),
    ("supcon", [50, 30, 15, 5], 10, 3, "0.5", [0, 1, 2, 3]),
    ("sincere", [60, 25, 15], 16, 1, "0.2", [0, 1, 2]),
    ("sincere", [50, 30, 15, 5], 9, 2, "0.4", [0, 1, 2, 3]),
    ("nscl", [50, 30, 20], 6, 1, "0.5", [0, 1, 2]),
    ("nscl", [40, 25, 20, 15], 12, 1, "0.3", [0, 1, 2, 3]),
    ("nscl", [40, 30, 20, 10], 8, 2, "1", [0, 1, 2, 3]),
    ("bcl", [70, 20, 10], 6, 1, "0.5", [0, 1, 2]),
    ("bcl", [50, 30, 15, 5], 14, 1, "0.2", [0, 1, 2, 3]),
    ("bcl", [50, 30, 15, 5], 9, 2, "0.4", [0, 1, 2, 3]),
]


def counts(draws, classes):
    """All count vectors, by the places of the bars between stars."""
    for bars in combinations(range(draws + classes - 1), classes - 1):
        ends = (-1, *bars, draws + classes - 1)
        yield [ends[i + 1] - ends[i] - 1 for i in range(classes)]


class Loss:
    def __init__(self, kind, weights, draws, views, temperature):
        total = sum(weights)
        self.k = len(weights)
        self.tau = mp.mpf(temperature)
        rho = [mp.mpf(w) / total for w in weights]
        # (class, weight of the anchor times probability of the draw, mass at exponent zero, masses of the negatives)
        self.terms = []
        for draw in counts(draws, self.k):
            probability = mp.factorial(draws)
            for p, n in zip(rho, draw):
                probability *= p**n / mp.factorial(n)
            for c, n in enumerate(draw):
                if kind == "nce":
                    self.terms.append((c, probability * rho[c], mp.mpf(1 + n), draw))
                elif views * n >= 2:
                    base = {"supcon": views * n - 1, "sincere": 1, "nscl": 0, "bcl": 1}[kind]
                    masses = [min(m, 1) for m in draw] if kind == "bcl" else [views * m for m in draw]
                    # An anchor of nscl without a negative is skipped.
                    if base > 0 or n < draws:
                        self.terms.append((c, probability * n / draws, mp.mpf(base), masses))
        # Of nscl the floor is 0 and the excess is the loss.
        self.floor = mp.fsum(w * mp.log(base) for _, w, base, _ in self.terms if base > 0)
        self.array = [(c, float(w), float(b), np.array(m, float)) for c, w, b, m in self.terms]

    def float_excess(self, m):
        u = np.exp((m - 1) / float(self.tau))
        np.fill_diagonal(u, 0)
        of_row = lambda base, x: np.log1p(x / base) if base > 0 else np.log(x)
        return sum(w * of_row(base, masses @ u[c]) for c, w, base, masses in self.array)

    def excess_and_gradient(self, m):
        k = self.k
        u = [[mp.mpf(0) if c == d else mp.exp((m[c][d] - 1) / self.tau) for d in range(k)] for c in range(k)]
        excess, y = mp.mpf(0), [[mp.mpf(0)] * k for _ in range(k)]
        for c, weight, base, masses in self.terms:
            inner = mp.fsum(masses[d] * u[c][d] for d in range(k))
            excess += weight * (mp.log1p(inner / base) if base > 0 else mp.log(inner))
            for d in range(k):
                if d != c:
                    y[c][d] += weight * masses[d] * u[c][d] / (base + inner) / self.tau
        a = [[(y[c][d] + y[d][c]) / 2 for d in range(k)] for c in range(k)]
        return excess, a


def vectors(angles, count, one, sin, cos):
    """Unit vectors in count - 1 dimensions, vector i in the span of the first i + 1 axes."""
    found, place = [], 0
    for i in range(count):
        free = min(i, count - 2)
        rest, coordinates = one, []
        for angle in angles[place : place + free]:
            coordinates.append(rest * cos(angle))
            rest = rest * sin(angle)
        place += free
        found.append(coordinates + [rest] + [0 * one] * (count - 2 - free))
    return found


def gram(angles, vertex, one, sin, cos):
    h = vectors(angles, max(vertex) + 1, one, sin, cos)
    return [[one if c == d else sum(x * y for x, y in zip(h[vertex[c]], h[vertex[d]])) for d in range(len(vertex))] for c in range(len(vertex))]


def solve(kind, weights, draws, views, temperature, vertex):
    loss = Loss(kind, weights, draws, views, temperature)
    count = max(vertex) + 1
    size = sum(min(i, count - 2) for i in range(count))
    generator = np.random.default_rng(1)
    to_float = lambda x: np.array(gram(x, vertex, 1.0, np.sin, np.cos))
    scaled = np.log if kind != "nscl" else float
    runs = [
        minimize(lambda x: scaled(loss.float_excess(to_float(x))), generator.uniform(0, np.pi, size), method="BFGS", options={"gtol": 1e-10})
        for _ in range(6)
    ]
    start = min(runs, key=lambda run: run.fun).x
    exact = lambda x: gram(x, vertex, mp.mpf(1), mp.sin, mp.cos)
    k, step = loss.k, mp.mpf(10) ** -13

    def slope(*x):
        x = list(x)
        _, a = loss.excess_and_gradient(exact(x))
        out = []
        for j in range(size):
            up, down = x[:], x[:]
            up[j] += step
            down[j] -= step
            p, q = exact(up), exact(down)
            out.append(mp.fsum(a[c][d] * (p[c][d] - q[c][d]) for c in range(k) for d in range(k)) / (2 * step))
        scale = max(abs(v) for row in a for v in row)
        return [value / scale for value in out]

    root = mp.findroot(slope, [mp.mpf(v) for v in start], tol=mp.mpf(10) ** -40, verify=False, maxsteps=12)
    m = exact(list(root))
    excess, a = loss.excess_and_gradient(m)
    s = mp.matrix(k, k)
    for c in range(k):
        nu = -mp.fsum(a[c][d] * m[c][d] for d in range(k) if d != c)
        for d in range(k):
            s[c, d] = nu if c == d else a[c][d]
    eigenvalues = mp.eigsy(s, eigvals_only=True)
    residual = s * mp.matrix(m)
    worst = max(abs(v) for v in residual) / max(abs(v) for v in s)
    # With S shifted to be semidefinite this is a proven relative gap.
    gap = k * max(mp.mpf(0), -min(eigenvalues)) / (excess if kind != "nscl" else max(1, abs(excess)))
    assert gap < mp.mpf(10) ** -20, (kind, weights, gap)
    assert worst < mp.mpf(10) ** -20, (kind, weights, worst)
    number = lambda v: float(v)
    return {
        "kind": kind,
        "weights": weights,
        "draws": draws,
        "views": views,
        "temperature": float(loss.tau),
        "floor": number(loss.floor),
        "excess": number(excess),
        "loss": number(loss.floor + excess),
        "gram": [[number(v) for v in row] for row in m],
        "relative_gap": float(gap),
    }


def main():
    answers = []
    for case in CASES:
        answers.append(solve(*case))
        print(case, answers[-1]["loss"], answers[-1]["relative_gap"], file=sys.stderr, flush=True)
    header = {"python": platform.python_version(), "mpmath": mp.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
    with open("sampled.json", "w") as out:
        json.dump({"made_with": header, "cases": answers}, out, indent=1)
        out.write("\n")


main()
