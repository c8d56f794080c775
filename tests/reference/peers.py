"""General convex solvers on program (3), supcon, every sample an anchor: the two 40-class cases of optima.json at length,
then Clarabel (default and 1e-10) on the smaller ones.

The program is written once, vectorised, as one log_sum_exp per row of a PSD variable; times are wall-clock of
problem.solve (compilation included), the best of three fresh problems; compile and solver are those of the last one. Usage: python peers.py      prints to standard output and writes peers.txt
"""
import json
import os
import platform
import time
import warnings

START = time.perf_counter()
import clarabel
import cvxpy as cp
import numpy as np
import scipy
import scs

IMPORTS = time.perf_counter() - START
HERE = os.path.dirname(os.path.abspath(__file__))
LINES = []


def say(s):
    LINES.append(s)
    print(s, flush=True)


def problem(n, tau, scaled):
    """min sum_c w_c log(sum_c' A_cc' exp((M_cc'-1)/tau)), A_cc = n_c - 1; `scaled`: floor removed, objective of order one."""
    k, w = len(n), n / n.sum()
    A = np.tile(n, (k, 1))
    np.fill_diagonal(A, n - 1)
    M = cp.Variable((k, k), PSD=True)
    if scaled:
        A = A / (n - 1)[:, None]
        off = A - np.diag(np.diag(A))
        w = w / (w @ np.log1p((off * np.exp((-1 / (k - 1) - 1) / tau)).sum(axis=1)))     # excess of the simplex ETF
    loss = w @ cp.log_sum_exp((M - 1) / tau + np.log(A), axis=1)
    return cp.Problem(cp.Minimize(loss), [cp.diag(M) == 1]), M


def excess(M, n, tau):
    off = np.exp((M - 1) / tau) * n[None, :] / (n - 1)[:, None]
    np.fill_diagonal(off, 0)
    return (n / n.sum()) @ np.log1p(off.sum(axis=1))


def repaired(M):
    """Nearest-by-clipping feasible point: eigenvalues >= 0, then unit diagonal."""
    val, vec = np.linalg.eigh((M + M.T) / 2)
    M = (vec * np.maximum(val, 0)) @ vec.T
    d = np.sqrt(np.diag(M))
    return M / np.outer(d, d)


TIGHT = dict(tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
RUNS = [("Clarabel", "default", False, cp.CLARABEL, {}),
        ("Clarabel", "1e-10", False, cp.CLARABEL, TIGHT),
        ("Clarabel, scaled objective", "default", True, cp.CLARABEL, {}),
        ("Clarabel, scaled objective", "1e-10", True, cp.CLARABEL, TIGHT),
        ("SCS", "default", False, cp.SCS, {}),
        ("SCS, scaled objective", "default", True, cp.SCS, {})]


def main():
    warnings.filterwarnings("ignore")
    say("versions: python %s, numpy %s, scipy %s, cvxpy %s, clarabel %s, scs %s" % (
        platform.python_version(), np.__version__, scipy.__version__, cp.__version__, clarabel.__version__, scs.__version__))
    say("load average at the start: %.1f %.1f, %d cores" % (*os.getloadavg()[:2], os.cpu_count()))
    say("'value' and 'point': relative error of the excess from the reported objective, and at the returned matrix made feasible;\n"
        "'Gram': largest entry error as returned (off the diagonal); 'repaired': the same after making it feasible; 'diag': max |M_cc - 1|\n")
    say(f"{'solver':28s}{'tol':9s}{'tau':5s}{'wall s':>8s}{'compile':>9s}{'solver':>9s}{'iter':>7s}{'value':>10s}{'point':>10s}"
        f"{'Gram':>9s}{'repaired':>10s}{'diag':>9s}  status")
    optima = [c for c in json.load(open(os.path.join(HERE, "optima.json")))["cases"]
              if c["loss"] == "supcon" and c["anchors"] == "sample"]
    forty = [c for c in optima if c.get("note") == "forty"]
    for c in sorted(forty, key=lambda c: -c["temperature"]):
        n, tau, ref = np.array(c["sizes"], float), c["temperature"], np.array(c["gram"])
        assert abs(excess(ref, n, tau) / c["excess"] - 1) < 1e-12
        off = ~np.eye(len(n), dtype=bool)
        for name, tol, scaled, solver, opts in RUNS:
            runs = []
            try:
                for _ in range(3):
                    prob, M = problem(n, tau, scaled)
                    t0 = time.perf_counter()
                    prob.solve(solver=solver, **opts)
                    runs.append(time.perf_counter() - t0)
            except cp.error.SolverError as e:
                say(f"{name:28s}{tol:9s}{tau:<5g}  failed: {str(e)[:80]}")
                continue
            wall = min(runs)
            X, st = M.value, prob.solver_stats
            if scaled:
                s = excess(np.full((40, 40), -1 / 39), n, tau)
                value = prob.value * s
            else:
                value = prob.value - (n / n.sum()) @ np.log(n - 1)
            Y = repaired(X)
            say(f"{name:28s}{tol:9s}{tau:<5g}{wall:8.2f}{prob.compilation_time:9.2f}{st.solve_time:9.2f}{st.num_iters:7d}"
                f"{abs(value / c['excess'] - 1):10.1e}{abs(excess(Y, n, tau) / c['excess'] - 1):10.1e}"
                f"{np.abs(X - ref)[off].max():9.1e}{np.abs(Y - ref).max():10.1e}{np.abs(np.diag(X) - 1).max():9.1e}  {prob.status}")
    say(f"\nimporting cvxpy and the solvers: {IMPORTS:.2f} s, not included above")
    say("\nsmaller cases, Clarabel, log-sum-exp form: relative error of the excess (feasible point) and largest Gram error")
    say(f"{'case':62s}{'tol':9s}{'wall s':>8s}{'point':>10s}{'repaired':>10s}  status")
    for c in optima:
        if c in forty:
            continue
        n, tau, ref = np.array(c["sizes"], float), c["temperature"], np.array(c["gram"])
        for tol, opts in (("default", {}), ("1e-10", TIGHT)):
            prob, M = problem(n, tau, False)
            label, t0 = f"{','.join(map(str, c['sizes']))} tau {tau}", time.perf_counter()
            try:
                prob.solve(solver=cp.CLARABEL, **opts)
            except cp.error.SolverError as e:
                say(f"{label:62s}{tol:9s}  failed: {str(e)[:60]}")
                continue
            wall, Y = time.perf_counter() - t0, repaired(M.value)
            say(f"{label:62s}{tol:9s}{wall:8.3f}{abs(excess(Y, n, tau) / c['excess'] - 1):10.1e}"
                f"{np.abs(Y - ref).max():10.1e}  {prob.status}")
    with open(os.path.join(HERE, "peers.txt"), "w") as f:
        f.write("\n".join(LINES) + "\n")


if __name__ == "__main__":
    main()
