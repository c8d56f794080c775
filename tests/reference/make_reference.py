"""Reference optima of the class-level program

    min_{M PSD, M_cc = 1}  sum_c w_c log( s_c + sum_{c' != c} a_cc' exp((M_cc' - 1)/tau) )        THEORY (3)

to about 50 digits, written from the mathematics only (it shares no code with the Rust crate).

1. float64: low-rank factorisation M = H^T H, L-BFGS on log(excess), from a fixed random start.
2. 60-digit Newton, one of
     regular  the 2k equations (5)-(7): S = v v^T, M v = 0;
     merged   the same for the problem with the m smallest classes as one (supcon, population, sample anchors);
     lowrank  the stationarity equations H S = 0, |h_c| = 1 for H with d = rank(M) rows (no merging rule used).
3. Acceptance, the same for all: S is rebuilt from the GRADIENT of (3) at M, and with 60-digit eigenvalues
   M and S must be PSD; the duality gap (4), relative to the excess, must be below 1e-25. So each answer is
   certified whatever route found it.

Usage: python make_reference.py            writes optima.json next to this file
"""
import json
import os
import platform
import sys
import time

import mpmath
import numpy as np
import scipy
from mpmath import mp, mpf
from scipy.optimize import minimize

from cases import CASES
from highprec import EXP, LOG, LOG1P, eigenvalues, newton

HERE = os.path.dirname(os.path.abspath(__file__))


# ---------------------------------------------------------------- the program (3)
class Program:
    """w (k), s (k), a (k x k, zero diagonal), tau, as object arrays of mpf."""

    def __init__(self, n, loss, anchors, tau):
        n = [mpf(x) for x in n]
        k, N = len(n), mp.fsum(n)
        one = mpf(1)
        self.k, self.tau, self.n = k, mpf(tau), n
        s, col = {"supcon": (lambda x: x - 1, n), "sincere": (lambda x: one, n), "nscl": (lambda x: 0 * one, n),
                  "population": (lambda x: x, n), "bcl": (lambda x: one, [one] * k)}[loss]
        self.s = np.array([s(x) for x in n], dtype=object)
        self.a = np.array([[col[j] if i != j else 0 * one for j in range(k)] for i in range(k)], dtype=object)
        self.w = np.array([x / N if anchors == "sample" else one / k for x in n], dtype=object)
        self.has_floor = loss != "nscl"

    def f64(self):
        """(w, s, a) in float64, rows divided by s_c when there is a floor."""
        d = self.s if self.has_floor else np.array([mpf(1)] * self.k, dtype=object)
        return self.w.astype(float), (self.s / d).astype(float), (self.a / d[:, None]).astype(float)

    def parts(self, M):
        """u = exp((M-1)/tau) off the diagonal, D = denominators, b_cc' = dF/dM_cc'."""
        u = EXP((M - 1) / self.tau)
        au = self.a * u
        D = self.s + au.sum(axis=1)
        return u, D, (self.w / D / self.tau)[:, None] * au

    def dual(self, M):
        """S = A + Diag(nu), nu = -(A M)_cc, from the gradient of F at M."""
        g = self.parts(M)[2]
        A = (g + g.T) / 2
        return A - np.diag((A * M).sum(axis=1))

    def values(self, M):
        """(excess or None, floor or None, loss)."""
        u, D, _ = self.parts(M)
        if not self.has_floor:
            return None, None, mp.fsum(self.w * LOG(D))
        ex = mp.fsum(self.w * LOG1P((self.a * u).sum(axis=1) / self.s))
        fl = mp.fsum(self.w * LOG(self.s))
        return ex, fl, ex + fl


# ---------------------------------------------------------------- route 1, 2: the equations (5)-(7)
def regular(P, M0):
    """Newton on (5)-(7) in (log v, z); starts at M0 and at the simplex ETF. Returns M or None."""
    k, tau = P.k, P.tau
    off = np.array([[mpf(i != j) for j in range(k)] for i in range(k)], dtype=object)
    eye = 1 - off

    def state(x, z):
        b = P.w[:, None] * P.a * EXP(-z)[:, None] / tau
        bb = b + b.T + eye
        y = off * (mp.log(2) + x[:, None] + x[None, :] - LOG(bb))
        return b / bb, y

    def fun(xz):
        x, z = xz[:k], xz[k:]
        if max(abs(v) for v in xz) > 1e5:
            return None
        q, y = state(x, z)
        if max(float(abs(v)) for v in y.ravel()) > 1e5:
            return None
        au, M, E = P.a * EXP(y), off * (1 + tau * y), off * EXP(x[None, :] - x[:, None])
        D = P.s + au.sum(axis=1)
        p = au / D[:, None]
        res = np.concatenate([z - LOG(D), 1 + (M * E).sum(axis=1)])

        def jac():
            J = np.empty((2 * k, 2 * k), dtype=object)
            J[:k, :k] = -(p + np.diag(p.sum(axis=1)))
            J[:k, k:] = eye - p * q.T - np.diag((p * q).sum(axis=1))
            J[k:, :k] = (tau * off + M) * E + np.diag(((tau * off - M) * E).sum(axis=1))
            J[k:, k:] = tau * (E * q.T + np.diag((E * q).sum(axis=1)))
            return J
        return mp.sqrt(mp.fsum(r * r for r in res)), res, jac

    for M in (M0, eye - off / (k - 1)):
        nu = np.diag(P.dual(M))
        if min(nu) <= 0:
            continue
        try:
            sol = newton(fun, np.concatenate([LOG(nu) / 2, LOG(P.parts(M)[1])]))
        except ArithmeticError:
            continue
        if sol is not None:
            return eye + off * (1 + tau * state(sol[:k], sol[k:])[1])
    return None


def merged(n, loss, anchors, tau, m, M0):
    """The m smallest classes as one class of their total size; the Gram matrix of all k, or None."""
    order = np.argsort(n, kind="stable")
    small, rest = list(order[:m]), [c for c in range(len(n)) if c not in order[:m]]
    Q = Program([n[c] for c in rest] + [sum(n[c] for c in small)], loss, anchors, tau)
    if loss == "supcon":
        Q.s = np.array([x - 1 for x in Q.n], dtype=object)
    pos = {c: i for i, c in enumerate(rest)} | {c: len(rest) for c in small}
    idx = rest + [small[0]]
    if Q.k == 1:
        return None
    R = regular(Q, M0[np.ix_(idx, idx)])
    if R is None:
        return None
    where = [pos[c] for c in range(len(n))]
    return R[np.ix_(where, where)]


# ---------------------------------------------------------------- route 3: H S = 0 with d rows
def lowrank(P, H):
    """Newton on the Lagrangian of F(H^T H) on the spheres, H (d x k); rotations are projected out."""
    d, k = H.shape

    def fun(x):
        H, nu = x[:d * k].reshape(d, k), x[d * k:]
        M = H.T.dot(H)
        if max(abs(v) for v in x[:d * k]) > 2:
            return None
        D, b = P.parts(M)[1:]
        S = (b + b.T) / 2 + np.diag(nu)
        HS, feas = H.dot(S), np.diag(M) - 1
        big = max(abs(v) for v in nu)
        norm = max(max(abs(v) for v in HS.ravel()) / big, max(abs(v) for v in feas))

        def jac():
            p = b * (P.tau / P.w)[:, None]
            J = np.array([[mpf(0)] * (d * k + k)] * (d * k + k), dtype=object)
            # dS_ij = 1/2 sum_l (B_ijl dM_il + B_jil dM_jl), B_ijl = b_ij (delta_jl - p_il)/tau
            for c in range(k):
                for r in range(d):                         # perturb H[r, c]
                    dM = np.array([[mpf(0)] * k] * k, dtype=object)
                    dM[c, :] += H[r]
                    dM[:, c] += H[r]
                    dg = b * (dM - (p * dM).sum(axis=1)[:, None]) / P.tau
                    dHS = H.dot((dg + dg.T) / 2)
                    dHS[r, :] += S[c, :]
                    J[:d * k, r * k + c] = dHS.ravel()
                    J[d * k + c, r * k + c] = H[r, c]
                    J[r * k + c, d * k + c] = H[r, c]
            for i in range(d):                             # + G G^T over the rotation generators
                for j in range(i):
                    G = np.array([mpf(0)] * (d * k), dtype=object)
                    G[i * k:(i + 1) * k], G[j * k:(j + 1) * k] = H[j], -H[i]
                    J[:d * k, :d * k] += big * np.outer(G, G)
            return J
        return norm, np.concatenate([HS.ravel(), feas / 2]), jac

    nu = np.diag(P.dual(H.T.dot(H)))
    try:
        x = newton(fun, np.concatenate([H.ravel(), nu]))
    except ArithmeticError:
        return None
    return None if x is None else x[:d * k].reshape(d, k).T.dot(x[:d * k].reshape(d, k))


# ---------------------------------------------------------------- float64 start
def descend(P, H, maxiter=20000):
    """L-BFGS over unit columns of H (d x k) for log(excess), or F for nscl."""
    w, s, a = P.f64()
    tau, shape = float(P.tau), H.shape

    def f(x):
        X = x.reshape(shape)
        r = np.sqrt((X * X).sum(axis=0))
        Y = X / r
        u = a * np.exp((Y.T @ Y - 1) / tau)
        T = u.sum(axis=1)
        if P.has_floor:
            ex = w @ np.log1p(T)
            g = (w / (1 + T) / tau / ex)[:, None] * u
            val = np.log(ex)
        else:
            val, g = w @ np.log(T), (w / T / tau)[:, None] * u
        dY = Y @ (g + g.T)
        return val, ((dY - Y * (Y * dY).sum(axis=0)) / r).ravel()

    x = H.ravel()
    for _ in range(3):
        x = minimize(f, x, jac=True, method="L-BFGS-B",
                     options={"maxiter": maxiter, "maxfun": 2 * maxiter, "maxcor": 40, "ftol": 0, "gtol": 1e-14}).x
    X = x.reshape(shape)
    return X / np.sqrt((X * X).sum(axis=0))


# ---------------------------------------------------------------- acceptance and the driver
def certify(P, M):
    """KKT in 60 digits: dict of facts, 'ok' if M is optimal to 1e-25 relative to the excess."""
    S = P.dual(M)
    eM, eS = eigenvalues(M), eigenvalues(S)
    ex, _, loss = P.values(M)
    gap = P.k * max(-eS[0], 0) / (ex if ex is not None else 1)
    tol = mpf(10) ** -25
    ok = gap < tol and eM[0] > -tol and max(abs(M[i, i] - 1) for i in range(P.k)) < tol
    return {"ok": bool(ok), "relative_gap": float(gap), "rank": sum(e > tol for e in eM),
            "s_rank": sum(e > tol * eS[-1] for e in eS), "min_positive_m": float(min(e for e in eM if e > tol)),
            "min_positive_s": float(min(e for e in eS if e > tol * eS[-1]) / eS[-1])}


def solve_case(case):
    n = case.get("sizes") or case["probabilities"]
    n = [mpf(x) for x in n]                              # exactly the float64 inputs
    spec = (case["loss"], case["anchors"], case["temperature"])
    P = Program(n, *spec)
    k = P.k
    rng = np.random.default_rng(1)
    H0 = descend(P, rng.standard_normal((k, k)))
    M0 = H0.T @ H0
    lift = np.frompyfunc(mpf, 1, 1)

    def candidates():
        yield "regular", regular(P, lift(M0))
        if case["loss"] in ("supcon", "population") and case["anchors"] == "sample":
            for m in range(2, k):
                yield f"merged {m}", merged(n, *spec, m, lift(M0))
        val, vec = np.linalg.eigh(M0)
        for d in sorted({int((val > 10.0 ** -e).sum()) for e in range(1, 10)} | set(range(1, k - 1 if k < 8 else 1))):
            H = (vec[:, -d:] * np.sqrt(val[-d:])).T
            yield f"lowrank {d}", lowrank(P, lift(descend(P, H / np.sqrt((H * H).sum(axis=0)))))

    for route, M in candidates():
        if M is None:
            continue
        facts = certify(P, M)
        if facts["ok"]:
            return P, M, route, facts, float(np.abs(M.astype(float) - M0).max())
    raise RuntimeError(f"no certified optimum for {case}")


def number(x):
    return None if x is None else float(x)


def main():
    wanted = [int(a) for a in sys.argv[1:]]
    out = []
    for i, case in enumerate(CASES):
        if wanted and i not in wanted:
            continue
        t0 = time.time()
        P, M, route, facts, start_error = solve_case(case)
        ex, fl, loss = P.values(M)
        k, left, sets = P.k, list(range(P.k)), []
        while left:
            c = left.pop(0)
            mates = [j for j in left if 1 - M[c, j] < mpf(10) ** -25]
            left = [j for j in left if j not in mates]
            if mates:
                sets.append([c] + mates)
        near = [[r, c, float(2 * mp.asin(mp.sqrt((1 - M[r, c]) / 2)))] for r in range(k) for c in range(r + 1, k)
                if mpf(10) ** -25 <= 1 - M[r, c] < mpf(10) ** -6]
        facts.pop("ok")
        out.append({**case, "excess": number(ex), "log_excess": number(None if ex is None else mp.log(ex)),
                    "floor": number(fl), "loss_value": number(loss), "rank": facts.pop("rank"), "collapsed": sets,
                    "near": near, "route": route, **facts, "gram": [[float(M[r, c]) for c in range(k)] for r in range(k)]})
        rel = max(float(1 - M[r, c]) for r in range(k) for c in range(r))
        print(f"{i:2d} {case['loss']:10s} {case['anchors']:6s} tau {case['temperature']:<7} k {k:2d} {route:11s} rank "
              f"{out[-1]['rank']:2d} loss {mp.nstr(loss, 15):18s} excess {mp.nstr(ex, 6) if ex is not None else '-':12s} "
              f"gap {facts['relative_gap']:.0e} start err {start_error:.0e} collapsed {sets} near {near} {time.time() - t0:.1f} s",
              flush=True)
    if wanted:
        return
    head = {"made_by": "python make_reference.py",
            "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
                         "mpmath": mpmath.__version__, "backend": mpmath.libmp.BACKEND},
            "method": "L-BFGS start, 60-digit Newton, KKT certificate from the gradient of (3) with 60-digit eigenvalues"}
    with open(os.path.join(HERE, "optima.json"), "w") as f:
        body = ",\n  ".join(json.dumps(c) for c in out)
        f.write("{" + ",\n ".join(f'"{k}": {json.dumps(v)}' for k, v in head.items()) + f',\n "cases": [\n  {body}\n]}}\n')


if __name__ == "__main__":
    main()
