"""The sampled losses of very many classes and draws, where nothing can be enumerated, in 50 digits -> integrals.json.

Every expectation is one integral of THEORY (10), (11), (11'), here in the variable t of log x = int (e^-t - e^-tx) dt/t: the
bracket is formed as it stands, in 50 digits, and integrated over log t by Gauss-Legendre on pieces of length one, from
where the linear part of the integrand is below 1e-40 of the whole. No trapezoid, no expm1, no substitution. Small cases are
checked against the plain sum over all draws.
"""

import json
import platform
import sys
from itertools import combinations

import mpmath as mp

mp.mp.dps = 50

# loss, views, draws (q or b), temperature, groups [size, number of classes], inner products between groups
CASES = [
    ("nce", 1, 10**9, "1", [[1, 10**8]], [["-1e-8"]]),
    ("nce", 1, 10**9, "0.1", [[1, 10**8]], [["-1e-8"]]),
    ("nce", 1, 10**9, "0.5", [[1, 10**6]], [["0"]]),
    ("nce", 1, 10**6, "0.3", [[1000, 3], [1, 5000]], [["-0.5", "-0.1"], ["-0.1", "0.75"]]),
    ("supcon", 1, 10**6, "1", [[1, 10**5]], [["-1e-5"]]),
    ("supcon", 1, 4096, "0.5", [[900, 2], [3, 4000]], [["-0.9", "-0.05"], ["-0.05", "0.4"]]),
    ("supcon", 2, 10**7, "0.5", [[1, 10**8]], [["-1e-8"]]),
    ("supcon", 3, 65536, "0.2", [[50, 100], [1, 10**5]], [["-0.01", "-0.02"], ["-0.02", "0.2"]]),
    ("sincere", 1, 10**8, "0.7", [[1, 10**7]], [["-1e-7"]]),
    ("sincere", 2, 10**9, "1", [[1, 10**8]], [["-1e-8"]]),
    ("nce", 1, 5, "1", [[5, 1], [3, 1], [2, 1]], [["1", "-0.7", "-0.5"], ["-0.7", "1", "-0.2"], ["-0.5", "-0.2", "1"]]),
    ("supcon", 1, 7, "0.1", [[5, 1], [3, 1], [2, 1]], [["1", "-0.7", "-0.5"], ["-0.7", "1", "0.9"], ["-0.5", "0.9", "1"]]),
    ("supcon", 2, 7, "0.3", [[5, 1], [3, 2]], [["1", "-0.7"], ["-0.7", "0.1"]]),
    ("sincere", 1, 6, "0.5", [[5, 1], [3, 2]], [["1", "-0.7"], ["-0.7", "0.1"]]),
]


class Row:
    """The anchor class of group g: probabilities and u of all other classes, by group."""

    def __init__(self, case, g):
        loss, views, draws, temperature, groups, gram = case
        total = sum(n * m for n, m in groups)
        tau = mp.mpf(float(temperature))
        self.loss, self.views = loss, views
        self.n = draws if loss == "nce" else draws - 1
        self.rho = mp.mpf(groups[g][0]) / total
        self.others = []
        for h, (size, count) in enumerate(groups):
            number = count - (1 if g == h else 0)
            if number > 0:
                u = mp.exp((mp.mpf(float(gram[g][h])) - 1) / tau)
                self.others.append((h, number, mp.mpf(size) / total, u))
        self.rest = mp.fsum(number * rho for _, number, rho, _ in self.others)

    def parts(self, t):
        """e^{-t times the part without counts}, own part of the sum, whether anchors without a positive are skipped."""
        v = self.views
        if self.loss == "nce":
            return mp.exp(-t), self.rho * mp.exp(-t), False
        if self.loss == "sincere":
            return mp.exp(-t), self.rho, v == 1
        return mp.exp(-t * (v - 1)), self.rho * mp.exp(-t * v), v == 1

    def excess(self, t):
        factor, own, skips = self.parts(t)
        v = 1 if self.loss == "nce" else self.views
        c = mp.fsum(number * rho * mp.exp(-t * v * u) for _, number, rho, u in self.others)
        value = (self.rest + own) ** self.n - (c + own) ** self.n
        if skips:
            value -= self.rest**self.n - c**self.n
        return factor * value

    def slope(self, t, u_h):
        """Derivative of the integrand by u_h over n rho_h."""
        factor, own, skips = self.parts(t)
        v = 1 if self.loss == "nce" else self.views
        c = mp.fsum(number * rho * mp.exp(-t * v * u) for _, number, rho, u in self.others)
        value = (c + own) ** (self.n - 1)
        if skips:
            value -= c ** (self.n - 1)
        return factor * value * v * t * mp.exp(-t * v * u_h)


def integral(f, scale):
    """int_0^inf f(t) dt/t of an integrand that changes at t = 1/scale and after."""
    low, high = mp.log(mp.mpf(10) ** -42 / scale), mp.log(mp.mpf(130))
    pieces = int(mp.ceil(high - low))
    points = [low + (high - low) * i / pieces for i in range(pieces + 1)]
    value, error = mp.quad(lambda w: f(mp.exp(w)), points, error=True)
    assert error < mp.mpf(10) ** -25 * abs(value), (error, value)
    return value


def evaluate(case):
    loss, views, draws, temperature, groups, _ = case
    tau = mp.mpf(float(temperature))
    excess, y = mp.mpf(0), []
    for g, (_, count) in enumerate(groups):
        row = Row(case, g)
        scale = mp.mpf(1 + draws * views)
        excess += count * row.rho * integral(row.excess, scale)
        of_row = [0.0] * len(groups)
        for h, _, rho, u in row.others:
            slope = integral(lambda t: row.slope(t, u), scale)
            of_row[h] = float(row.n * row.rho * rho * u / tau * slope)
        y.append(of_row)
    return excess, y


def enumerated(case):
    """The excess by the plain sum over all draws."""
    loss, views, draws, temperature, groups, gram = case
    tau = mp.mpf(float(temperature))
    group = [g for g, (_, count) in enumerate(groups) for _ in range(count)]
    total = sum(n * m for n, m in groups)
    rho = [mp.mpf(groups[g][0]) / total for g in group]
    k = len(group)
    excess = mp.mpf(0)
    for bars in combinations(range(draws + k - 1), k - 1):
        ends = (-1, *bars, draws + k - 1)
        counts = [ends[i + 1] - ends[i] - 1 for i in range(k)]
        probability = mp.factorial(draws)
        for p, n in zip(rho, counts):
            probability *= p**n / mp.factorial(n)
        for c, n in enumerate(counts):
            if loss == "nce":
                weight, base, v = rho[c], mp.mpf(1 + n), 1
            elif views * n < 2:
                continue
            else:
                weight, v = mp.mpf(n) / draws, views
                base = mp.mpf(1 if loss == "sincere" else views * n - 1)
            negatives = mp.fsum(
                v * counts[d] * mp.exp((mp.mpf(float(gram[group[c]][group[d]])) - 1) / tau) for d in range(k) if d != c
            )
            excess += probability * weight * mp.log(1 + negatives / base)
    return excess


def main():
    rows = []
    for case in CASES:
        excess, y = evaluate(case)
        if case[2] <= 10:
            difference = abs(excess / enumerated(case) - 1)
            assert difference < mp.mpf(10) ** -25, difference
        loss, views, draws, temperature, groups, gram = case
        rows.append(
            {
                "loss": loss,
                "views": views,
                "draws": draws,
                "temperature": float(temperature),
                "groups": groups,
                "gram": [[float(value) for value in row] for row in gram],
                "excess": float(excess),
                "log_excess": float(mp.log(excess)),
                "gradient": y,
            }
        )
        print(loss, views, draws, temperature, mp.nstr(excess, 20), flush=True)
    made_with = {"python": platform.python_version(), "mpmath": mp.__version__}
    with open("integrals.json", "w", encoding="utf-8") as file:
        json.dump({"made_with": made_with, "cases": rows}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    sys.exit(main())
