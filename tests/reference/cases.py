"""The instances solved by make_reference.py."""
import math


def case(n, loss, tau, anchors="sample", note=None):
    kind = "probabilities" if any(isinstance(x, float) for x in n) else "sizes"
    c = {kind: n, "loss": loss, "anchors": anchors, "temperature": tau}
    return c | {"note": note} if note else c


def step(ka, kb, m, R):
    return [R * m] * ka + [m] * kb


# floor(5000 * 100^(-i/39)); the inner rounding keeps the last one at 50
CIFAR10_LT = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
FORTY = [math.floor(round(5000 * 100 ** (-i / 39), 6)) for i in range(40)]
assert len(set(FORTY)) == 40 and FORTY[-1] == 50

MIXED6 = [37, 1200, 5, 300, 37, 80]
MIXED8 = [12, 900, 12, 45, 300, 45, 2500, 7]
WIDE12 = [20000, 2, 350, 9000, 41, 41, 7, 1800, 120, 120, 3600, 15]

CASES = [
    # supcon, every sample an anchor
    case([100, 100, 100], "supcon", 0.1, note="balanced: simplex ETF"),
    case([500, 20], "supcon", 0.2, note="k = 2: M_12 = -1"),
    case(step(5, 5, 10, 1), "supcon", 0.1, note="STEP table"),
    case(step(5, 5, 10, 10), "supcon", 0.1, note="STEP table"),
    case(step(5, 5, 10, 10), "supcon", 1, note="STEP table"),
    case(step(2, 2, 10, 10), "supcon", 1, note="STEP table"),
    case(step(1, 2, 10, 100), "supcon", 1, note="STEP table, collapsed"),
    case([1000, 1000, 2, 2], "supcon", 1, note="minority collapse"),
    case([2, 700, 3, 1000, 2], "supcon", 0.5, note="unequal sizes, shuffled"),
    case([7, 30000, 3, 9000, 2, 5], "supcon", 1, note="unequal minority sizes"),
    case([50, 20, 10, 5, 3], "supcon", 0.3),
    case([100, 100, 10], "supcon", 0.05, note="a conic solver reports optimal far from it"),
    case(MIXED6, "supcon", 0.07),
    case([5, 50000, 700, 90], "supcon", 0.1, note="ratio 1e4"),
    case(WIDE12, "supcon", 0.05, note="ratio 1e4"),
    case(MIXED8, "supcon", 0.5),
    case([40, 30, 29, 19, 18, 15, 13, 11, 10, 10], "supcon", 10.426, note="PSD test not monotone in m"),
    # supcon, class-balanced anchors
    case([5, 20, 50, 3, 10], "supcon", 0.3, "class"),
    case([5, 10000, 40, 300, 40, 2000], "supcon", 0.1, "class"),
    case(MIXED8, "supcon", 0.05, "class"),
    # sincere
    case(step(5, 5, 10, 10), "sincere", 0.1, note="STEP table"),
    case([2738, 2604, 13, 8, 3], "sincere", 0.73, note="rank drops, no merging rule"),
    case(MIXED6, "sincere", 0.1),
    case([4, 9, 2, 3], "sincere", 1),
    case(MIXED8, "sincere", 0.07, "class"),
    case([3, 4000, 8, 2500, 20], "sincere", 1, "class"),
    # nscl (no floor)
    case(step(5, 5, 10, 10), "nscl", 0.1, note="STEP table"),
    case(MIXED6, "nscl", 0.2),
    case([6, 11, 8], "nscl", 0.05, "class"),
    case([300, 2, 2, 120], "nscl", 1, note="collapsed"),
    # bcl
    case([3, 900, 50, 900, 12], "bcl", 0.2, "class", note="simplex ETF at any sizes"),
    case(MIXED6, "bcl", 0.1),
    case([10000, 2, 60, 7, 60], "bcl", 0.2, note="ratio 5e3"),
    case(MIXED8, "bcl", 1),
    # population
    case([0.5, 0.3, 0.2], "population", 1),
    case([0.1, 0.8, 0.1], "population", 1),
    case([0.001, 0.6, 0.3, 0.09, 0.009], "population", 0.2),
    case([0.03, 0.45, 0.02, 0.45, 0.05], "population", 1, note="minorities"),
    case(MIXED8, "population", 0.07),
    case([2, 150, 3, 90, 2], "population", 0.5, "class"),
    case([0.125, 0.25, 0.25, 0.375], "population", 0.1, "class"),
    case([0.02, 0.9, 0.01, 0.03, 0.04], "population", 2, note="minorities, unequal"),
    case([30, 9000, 20, 7, 20, 5000], "population", 1, note="minorities"),
    # more collapsed or rank-deficient ones without a merging rule
    case([3, 1000, 2, 900, 4], "supcon", 2, "class"),
    case([5, 900, 3, 700, 2], "nscl", 1),
    case([10000, 10001, 4, 3], "bcl", 1.5, note="two classes 4e-9 rad apart: near, and not the same vector"),
    case([4000, 3000, 40, 40, 5, 4], "sincere", 0.8, note="equal classes that coincide beside unequal ones that meet"),
    case(step(2, 2, 10, 20), "sincere", 1, note="beyond the STEP threshold"),
    case(WIDE12, "sincere", 0.5),
    # long tails of the literature: CIFAR-10-LT with ratio 100, two temperatures
    case(CIFAR10_LT, "supcon", 0.1, note="CIFAR-10-LT"),
    case(CIFAR10_LT, "supcon", 1, note="CIFAR-10-LT"),
    case(step(5, 5, 10, 100), "supcon", 0.1, note="STEP ratio 100"),
    case(step(5, 5, 10, 100), "supcon", 1, note="STEP ratio 100"),
    # forty distinct sizes
    case(FORTY, "supcon", 0.1, note="forty"),
    case(FORTY, "supcon", 1, note="forty"),
]
