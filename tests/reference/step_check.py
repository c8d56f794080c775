"""Checks the numbers of THEORY section 4 (STEP imbalance) and a few others against optima.json and fresh solves.

Usage: python step_check.py              prints to standard output and writes step_check.txt (run make_reference.py first)
"""
import json
import os

from mpmath import mp, mpf
import numpy as np

from make_reference import Program, solve_case
from cases import step

HERE = os.path.dirname(os.path.abspath(__file__))
LINES = []


def say(*a):
    LINES.append(" ".join(str(x) for x in a))
    print(LINES[-1], flush=True)


def entries(M, ka, kb):
    """alpha, beta, gamma of a STEP Gram matrix."""
    return (M[0][1] if ka > 1 else None, M[ka][ka + 1] if kb > 1 else None, M[0][ka])


def table():
    optima = json.load(open(os.path.join(HERE, "optima.json")))["cases"]
    rows = [(5, 5, 10, .1, 1, "supcon", (-0.1111111111, -0.1111111111, -0.1111111111, 2.19737401955)),
            (5, 5, 10, .1, 10, "supcon", (-0.1412640227, -0.002644478754, -0.1312010838, 4.3772551615)),
            (5, 5, 10, 1, 10, "supcon", (-0.2429373954, 0.1613388603, -0.04311935979, 5.43448466323)),
            (2, 2, 10, 1, 10, "supcon", (-0.8958728698, 0.5475518019, -0.2007125606, 4.74572653902)),
            (1, 2, 10, 1, 100, "supcon", (None, 1.0, -1.0, 6.87278733125)),
            (5, 5, 10, .1, 10, "sincere", (-.212288, .043856, -.084217, 0.00399816)),
            (5, 5, 10, .1, 10, "nscl", (-.225172, .139172, -.078637, -5.66498351))]
    for ka, kb, m, tau, R, loss, ref in rows:
        c = next(c for c in optima if c.get("sizes") == step(ka, kb, m, R) and c["loss"] == loss and c["temperature"] == tau)
        got = (*entries(c["gram"], ka, kb), c["loss_value"])
        diff = max(abs(g - r) for g, r in zip(got, ref) if r is not None)
        al, be, ga = got[:3]
        nine = ga + np.sqrt((1 + (ka - 1) * (al or 0)) * (1 + (kb - 1) * be) / (ka * kb))
        say(f"STEP {ka} {kb} m {m} tau {tau} R {R} {loss}: {got}\n    largest difference from THEORY {diff:.1e}, residual of (9) {nine:.1e}")
    c = next(c for c in optima if c.get("sizes") == [50, 20, 10, 5, 3])
    say(f"sizes 50,20,10,5,3 tau 0.3: {c['loss_value']:.10f}  (THEORY 7: 3.2913620)")
    c = next(c for c in optima if c.get("sizes", [0])[0] == 2738)
    say(f"sincere 2738,2604,13,8,3 tau 0.73: {c['loss_value']:.12f} rank {c['rank']}  (THEORY 3: 5.19871443784, rank 2)")


def collapsed_margin(ka, kb, m, R, tau, loss):
    """S_BB(diagonal) - S_BB(off) at the best point with beta = 1; collapse is optimal iff it is >= 0."""
    ka, kb = int(ka), int(kb)
    P = Program([mpf(R) * m] * ka + [mpf(m)] * kb, loss, "sample", tau)
    A_ = range(ka)

    def gram(alpha):
        g = -mp.sqrt((1 + (ka - 1) * alpha) / ka)
        M = np.array([[mpf(1)] * (ka + kb)] * (ka + kb), dtype=object)
        for i in range(ka + kb):
            for j in range(ka + kb):
                if (i in A_) != (j in A_):
                    M[i, j] = g
                elif i in A_ and i != j:
                    M[i, j] = alpha
        return M, g

    def slope(alpha):                                  # dF/dalpha along (9), halved
        M, g = gram(alpha)
        b = P.parts(M)[2]
        return ka * (ka - 1) * b[0, 1] + ka * kb * (b[0, ka] + b[ka, 0]) * mpf(ka - 1) / (2 * ka * g)

    alpha = mpf(0)
    if ka > 1:
        lo, hi = -mpf(1) / (ka - 1) + mpf(10) ** -40, mpf(1) - mpf(10) ** -20
        for _ in range(170):
            mid = (lo + hi) / 2
            lo, hi = (mid, hi) if slope(mid) < 0 else (lo, mid)
        alpha = lo
    S = P.dual(gram(alpha)[0])
    return (S[ka, ka] - S[ka, ka + 1]) / S[ka, ka + 1]


def threshold(f, lo, hi):
    """Root of the increasing sign of f between lo and hi, to about 14 digits."""
    a, b = mpf(lo), mpf(hi)
    assert f(a) < 0 < f(b), (f(a), f(b))
    for _ in range(48):
        mid = (a + b) / 2
        a, b = (mid, b) if f(mid) < 0 else (a, mid)
    return a


def thresholds():
    for loss, lo, hi, ref in (("supcon", 100, 200, "142.5697"), ("sincere", 5, 20, "9.37914"), ("nscl", 5, 20, "8.976106")):
        R = threshold(lambda R: collapsed_margin(2, 2, 10, R, 1, loss), lo, hi)
        say(f"R* {loss} k_A=k_B=2 m=10 tau=1: {mp.nstr(R, 11)}  (THEORY {ref})")
    for kb, tau in ((2, 1), (4, 0.5)):
        e = mp.exp(-2 / mpf(tau))
        q = 2 - e * (1 + e)
        closed = kb * (q + mp.sqrt(q * q + 8 * e * e * (1 + e))) / (2 * e * (1 + e))
        R = [threshold(lambda R: collapsed_margin(1, kb, m, R, tau, "supcon"), closed / 3, closed * 3) for m in (10, 10 ** 9)]
        say(f"R* supcon k_A=1 k_B={kb} tau={tau}: closed form {mp.nstr(closed, 10)}, m=10: {mp.nstr(R[0], 10)}, m=1e9: {mp.nstr(R[1], 10)}")
    flags = [(tau, bool(collapsed_margin(2, 2, 10, 135, tau, "supcon") >= 0)) for tau in (.3, .4, .5, .6, .7, .8, .9, 1., 1.2)]
    say("2+2 classes, m=10, R=135, supcon, collapsed:", flags, "(THEORY: .5 to .8, not at .4 or 1.0)")
    lo = threshold(lambda t: collapsed_margin(2, 2, 10, 135, t, "supcon"), .4, .6)
    hi = threshold(lambda t: -collapsed_margin(2, 2, 10, 135, t, "supcon"), .8, 1)
    say(f"    collapsed for tau from {mp.nstr(lo, 8)} to {mp.nstr(hi, 8)}")


def limits():
    """tau*(k_A), and the limiting alpha, beta, gamma as R grows."""
    def beta(ka, tau, loss):
        e = mp.exp(-ka / ((ka - 1) * mpf(tau)))
        D = (1 if loss in ("supcon", "population") else 0) + (ka - 1) * e
        x = ka * mp.exp(-1 / mpf(tau)) / D
        return mpf(1) / (ka - 1) + mpf(tau) * mp.log((1 + x) ** 2 / (4 * x))
    for ka, ref, lo, hi in ((3, .205, .1, .4), (5, .0835, .04, .2), (10, .030, .015, .1)):
        t = threshold(lambda t: 1 - beta(ka, t, "supcon"), lo, hi)
        say(f"tau*({ka}) from the limit formula: {mp.nstr(t, 8)}  (THEORY {ref})")
    for ka, tau, lo, hi in ((3, .2, 1e3, 1e5), (5, .08, 1e5, 1e12)):
        R = threshold(lambda R: collapsed_margin(ka, 2, 10, R, tau, "supcon"), lo, hi)
        say(f"just below tau*: k_A {ka} k_B 2 m 10 tau {tau} collapses at R = {mp.nstr(R, 8)}")
    for ka, tau, loss in ((3, .3, "supcon"), (5, .2, "supcon"), (5, .1, "sincere"), (5, .1, "nscl"), (4, .3, "population"),
                          (3, .2, "supcon"), (5, .08, "supcon")):
        for R in (10 ** 3, 10 ** 5):
            P, M, route, facts, _ = solve_case({"sizes": step(ka, 2, 10, R), "loss": loss, "anchors": "sample", "temperature": tau})
            got = [mp.nstr(v, 8) for v in entries(M, ka, 2)]
            say(f"limit k_A {ka} tau {tau} {loss} R {R:.0e}: alpha {got[0]} beta {got[1]} gamma {got[2]} ({route}); "
                f"beta formula {mp.nstr(min(beta(ka, tau, loss), mpf(1)), 8)}")


if __name__ == "__main__":
    table()
    thresholds()
    limits()
    with open(os.path.join(HERE, "step_check.txt"), "w") as f:
        f.write("\n".join(LINES) + "\n")
