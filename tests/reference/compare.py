"""Numbers for tests/it/compare.rs, with NumPy alone: python3 tests/reference/compare.py > tests/reference/compare.json

The optimum comes from the stationarity equations (5)-(7) of the theory by Newton's method with a numerical Jacobian; the
measures from feature vectors with that Gram matrix.
"""

import json

import numpy as np


def optimum(sizes, base, tau):
    n = np.array(sizes, float)
    k, w, s = len(n), n / n.sum(), base(n)

    def parts(x):
        log_t, z = x[:k], x[k:]
        beta = w * np.exp(-z) / (tau * n)
        u = 2 * np.exp(log_t[:, None] + log_t[None, :]) / (beta[:, None] + beta[None, :])
        m = 1 + tau * np.log(u)
        np.fill_diagonal(u, 0)
        np.fill_diagonal(m, 1)
        return u, m, n * np.exp(log_t), z

    def residual(x):
        u, m, v, z = parts(x)
        return np.concatenate([z - np.log(s + u @ n), m @ v / v])

    # Where the gradient at the simplex is nearest to v v^T.
    u = np.full((k, k), np.exp((-1 / (k - 1) - 1) / tau))
    np.fill_diagonal(u, 0)
    z = np.log(s + u @ n)
    beta = w * np.exp(-z) / (tau * n)
    with np.errstate(divide="ignore"):
        log_a = np.log(0.5 * n[:, None] * n[None, :] * u * (beta[:, None] + beta[None, :]))
    np.fill_diagonal(log_a, 0)
    r = log_a.sum(axis=1)
    log_v = (r - r.sum() / (2 * (k - 1))) / (k - 2)
    x = np.concatenate([log_v - np.log(n), z])
    for _ in range(60):
        r = residual(x)
        jacobian = np.empty((2 * k, 2 * k))
        for i in range(2 * k):
            step = np.zeros(2 * k)
            step[i] = 1e-6
            jacobian[:, i] = (residual(x + step) - residual(x - step)) / 2e-6
        move = np.linalg.solve(jacobian, -r)
        x = x + move * min(1, 0.5 / np.abs(move).max())
    assert np.abs(residual(x)).max() < 1e-12, residual(x)
    m = parts(x)[1]
    assert np.linalg.eigvalsh(m)[0] > -1e-12
    u = np.exp((m - 1) / tau) * (1 - np.eye(k))
    return m, float((w * np.log(s + u @ n)).sum())


def measures(m, sizes, value):
    k = len(sizes)
    eigenvalues, vectors = np.linalg.eigh(m)
    h = vectors * np.sqrt(np.maximum(eigenvalues, 0))
    centred = h - h.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    upper = np.triu_indices(k, 1)
    cosines = ((centred / lengths[:, None]) @ (centred / lengths[:, None]).T)[upper]
    angles = np.degrees(np.arccos(np.clip(m, -1, 1)))
    order = np.argsort(-np.array(sizes), kind="stable")
    head, tail = order[: k - k // 2], order[k - k // 2 :]

    def span(pairs):
        found = [angles[i, j] for i, j in pairs]
        return [min(found), float(np.mean(found)), max(found)]

    with_tail = [(i, j) for i in tail for j in range(k) if i != j]
    etf = np.full((k, k), -1 / (k - 1)) + np.eye(k) * (1 + 1 / (k - 1))
    p = np.array(sizes) / np.sum(sizes)
    return {
        "value": value,
        "min_tail_angle": span(with_tail)[0],
        "within_head": span([(i, j) for i in head for j in head if i < j]),
        "head_to_tail": span([(i, j) for i in head for j in tail]),
        "within_tail": span([(i, j) for i in tail for j in tail if i < j]),
        "margin": float(1 - m[upper].max()),
        "equinorm": float(lengths.std() / lengths.mean()),
        "equiangular": float(cosines.std()),
        "distance": float(np.linalg.norm(m / np.linalg.norm(m) - etf / np.linalg.norm(etf))),
        "downstream_loss": float(p @ (np.log(np.exp(m).sum(axis=1)) - 1)),
    }


BASES = {"supcon": lambda n: n - 1, "sincere": lambda n: 1 + 0 * n, "nscl": lambda n: 0 * n, "population": lambda n: n}
cases = []
# Not in order of size, and with equal sizes across the middle.
for sizes, tau in [([40, 100, 120, 20], 0.3), ([60, 20, 20, 20, 90, 12], 0.25)]:
    rows = {loss: measures(*(lambda m, v: (m, sizes, v))(*optimum(sizes, base, tau))) for loss, base in BASES.items()}
    cases.append({"sizes": sizes, "temperature": tau, "rows": rows})
print(json.dumps(cases, indent=1))
