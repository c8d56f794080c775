"""Metrics and losses of trained features beside an optimum (THEORY 10 and (1)), by plain NumPy, from stored optima.

Features are made by integer arithmetic, so that every program has the same numbers: see `features`. Losses are summed in
extended precision over anchors, positives and denominators one by one.
Usage: python evaluate.py            writes evaluate.json next to this file (reads optima.json)
"""
import json
import os
import platform

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
WIDE = np.longdouble


def features(sizes, dimension, spread, seed):
    """Rows in an order that mixes the classes, in units of 1/1009; labels."""
    k, n = len(sizes), sum(sizes)
    by_class = [c for c in range(k) for _ in range(sizes[c])]
    step = next(s for s in range(n // 2 + 1, 2 * n) if np.gcd(s, n) == 1)
    labels = np.array([by_class[(i * step) % n] for i in range(n)])
    j = np.arange(dimension)
    rows = []
    for i, c in enumerate(labels):
        centre = ((c + 1) * 7919 + j * 104729 + (c + 1) * j * 31 + seed) % 1009
        noise = ((i + 1) * 613 + j * 7001 + (i + 1) * j * 97 + 5 * seed) % 1009
        rows.append((centre - 504) / 1009 + spread * ((noise - 504) / 1009))
    return np.array(rows), labels


def weights(k, dimension):
    c, j = np.arange(k)[:, None], np.arange(dimension)[None, :]
    return ((c * 389 + j * 757 + c * j * 11) % 1009 - 504) / 1009


def sample_loss(H, y, tau, kind, anchors, singletons):
    H = H.astype(WIDE)
    G = H @ H.T
    n, sizes = len(y), np.bincount(y)
    total, divisor = WIDE(0), WIDE(0)
    for i in range(n):
        weight = WIDE(1) if anchors == "sample" else WIDE(1) / WIDE(sizes[y[i]])
        same = y == y[i]
        positives = np.flatnonzero(same) if kind == "population" else np.flatnonzero(same & (np.arange(n) != i))
        if len(positives) == 0:
            divisor += weight if singletons == "zero" else 0
            continue
        divisor += weight
        row = WIDE(0)
        for j in positives:
            e = np.exp((G[i] - G[i, j]) / WIDE(tau))
            if kind == "supcon":
                mass = e.sum() - e[i]
            elif kind == "sincere":
                mass = e[~same].sum() + 1
            elif kind == "nscl":
                mass = e[~same].sum()
            elif kind == "population":
                mass = e.sum()
            else:
                mass = sum(e[y == c].mean() for c in range(len(sizes)) if c != y[i]) + e[positives].mean()
            row += np.log(mass)
        total += weight * row / len(positives)
    return float(total / divisor)


def distance(a, b):
    return float(np.linalg.norm(a / np.linalg.norm(a) - b / np.linalg.norm(b)))


def metrics(H, y, optimum, W):
    k, n = len(optimum), len(y)
    means = np.stack([H[y == c].mean(0) for c in range(k)])
    units = means / np.linalg.norm(means, axis=1, keepdims=True)
    gram = units @ units.T
    deviation = H - means[y]
    within = deviation.T @ deviation / n
    centred = means - means.mean(0)
    between = centred.T @ centred / k
    lengths = np.linalg.norm(centred, axis=1)
    directions = centred / lengths[:, None]
    cosines = (directions @ directions.T)[~np.eye(k, dtype=bool)]
    values = np.linalg.eigvalsh(between)
    shares = values[values > 1e-15 * values.max()] / values.sum()
    nearest = np.argmin(((H[:, None] - means[None]) ** 2).sum(-1), axis=1)
    angles = np.degrees(np.arccos(np.clip(gram - 2 * np.eye(k), -1, 1)))
    etf = (k * np.eye(k) - 1) / (k - 1)
    rows = gram / np.linalg.norm(gram) - optimum / np.linalg.norm(optimum)
    return {
        "gram_distance": distance(gram, optimum), "distance_etf": distance(gram, etf), "distance_of": distance(gram, np.eye(k)),
        "trace_ratio": float(np.trace(within) / np.trace(between)),
        "pinv": float(np.trace(within @ np.linalg.pinv(between, rcond=1e-10, hermitian=True)) / k),
        "equinorm": float(lengths.std() / lengths.mean()), "equiangular": float(cosines.std()),
        "etf": float(np.abs(cosines + 1 / (k - 1)).mean()),
        "nc3": float(np.linalg.norm(W / np.linalg.norm(W) - centred / np.linalg.norm(centred))),
        "ncc_accuracy": float((nearest == y).mean()), "effective_rank": float(np.exp(-(shares * np.log(shares)).sum())),
        "per_class": [{"within": float((deviation[y == c] ** 2).sum(1).mean()), "mean_norm": float(np.linalg.norm(means[c])),
                       "ncc_accuracy": float((nearest[y == c] == c).mean()), "nearest": int(angles[c].argmin()),
                       "angle": float(angles[c].min()), "distance": float(np.linalg.norm(rows[c]))} for c in range(k)],
    }


def main():
    with open(os.path.join(HERE, "optima.json")) as f:
        optima = [c for c in json.load(f)["cases"] if "sizes" in c and 10 <= sum(c["sizes"]) <= 400]
    out = []
    for number, c in enumerate(optima):
        dimension, spread = [3, 5, 16, 40][number % 4], [0.03, 0.3, 1.0][number % 3]
        X, y = features(c["sizes"], dimension, spread, number)
        H = X / np.linalg.norm(X, axis=1, keepdims=True)
        W = weights(len(c["sizes"]), dimension)
        case = {key: c[key] for key in ("sizes", "loss", "anchors", "temperature")}
        case |= {"dimension": dimension, "spread": spread, "seed": number}
        case["value"] = sample_loss(H, y, c["temperature"], c["loss"], c["anchors"], "skip")
        case |= metrics(H, y, np.array(c["gram"], dtype=float), W)
        out.append(case)
    # Classes of one sample: no anchors, counted or not.
    singles = []
    for singletons in ("skip", "zero"):
        for loss in ("supcon", "sincere", "nscl", "bcl"):
            for anchors in ("sample", "class"):
                X, y = features([6, 1, 4, 1, 3], 6, 0.5, 77)
                H = X / np.linalg.norm(X, axis=1, keepdims=True)
                value = sample_loss(H, y, 0.2, loss, anchors, singletons)
                singles.append({"loss": loss, "anchors": anchors, "singletons": singletons, "value": value})
    head = {"made_by": "python evaluate.py", "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "method": "loops in extended precision for losses, float64 for metrics; optimal Gram matrices of optima.json"}
    with open(os.path.join(HERE, "evaluate.json"), "w") as f:
        lines = lambda cases: ",\n  ".join(json.dumps(c) for c in cases)
        f.write("{" + ",\n ".join(f'"{k}": {json.dumps(v)}' for k, v in head.items()))
        f.write(f',\n "cases": [\n  {lines(out)}\n ],\n "singletons": [\n  {lines(singles)}\n]}}\n')
    print(len(out), "cases,", len(singles), "with classes of one sample")


if __name__ == "__main__":
    main()
