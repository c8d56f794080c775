"""`ufmin solve` (dual and conic) against CVXPY with Clarabel and SCS on the same problems; see README.md for the set-up.

SupCon, every sample an anchor, k distinct sizes from 5000 down to 10, equally spaced in the logarithm. Usage:

    python benches/peers.py [--ufmin target/release/ufmin] [--repeats 5] [--output benches/peers.txt]
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings

CLASSES = [5, 10, 20, 40]
TEMPERATURES = [1.0, 0.1]
SOLVERS = [("CVXPY + Clarabel", "CLARABEL", {}),
           ("CVXPY + Clarabel, 1e-10", "CLARABEL", dict(tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)),
           ("CVXPY + SCS", "SCS", {})]


def sizes_of(k):
    return [math.floor(5000 * 500 ** (-i / (k - 1)) + 0.5) for i in range(k)]


def by_cvxpy(k, tau, solver, options):
    """min sum_c w_c log sum_c' A_cc' exp((M_cc' - 1)/tau), A_cc = n_c - 1: seconds of problem.solve(), and M."""
    import cvxpy as cp
    import numpy as np
    warnings.filterwarnings("ignore")
    n = np.array(sizes_of(k), float)
    table = np.tile(n, (k, 1))
    np.fill_diagonal(table, n - 1)
    M = cp.Variable((k, k), PSD=True)
    loss = (n / n.sum()) @ cp.log_sum_exp((M - 1) / tau + np.log(table), axis=1)
    problem = cp.Problem(cp.Minimize(loss), [cp.diag(M) == 1])
    start = time.perf_counter()
    problem.solve(solver=solver, **options)
    return time.perf_counter() - start, M.value


def excess(M, n, tau):
    """Loss minus its floor, without subtraction."""
    import numpy as np
    terms = np.exp((M - 1) / tau) * n[None, :] / (n - 1)[:, None]
    np.fill_diagonal(terms, 0)
    return (n / n.sum()) @ np.log1p(terms.sum(axis=1))


def feasible(M):
    """Eigenvalues clipped at 0, then unit diagonal: what the returned matrix is worth."""
    import numpy as np
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    M = (vectors * np.maximum(values, 0)) @ vectors.T
    scale = np.sqrt(np.diag(M))
    return M / np.outer(scale, scale)


def by_ufmin(program, k, tau, method):
    """Wall seconds of the process, and its JSON."""
    command = [program, "solve", "--sizes", ",".join(map(str, sizes_of(k))), "--temperature", str(tau), "--method", method,
               "--cross-check", "never", "--format", "json"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    wall = time.perf_counter() - start
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return wall, json.loads(done.stdout)


def process_of_cvxpy(k, tau):
    """Wall seconds of a Python process that imports CVXPY and solves once with Clarabel's defaults."""
    start = time.perf_counter()
    subprocess.run([sys.executable, os.path.abspath(__file__), "--once", str(k), str(tau)], check=True)
    return time.perf_counter() - start


def spread(times):
    return f"{min(times):9.4f}{statistics.median(times):9.4f}"


def compare(say, program, repeats):
    import cvxpy as cp
    import numpy as np
    say(f"{'k':>3s}{'tau':>6s}  {'method':26s}{'best s':>9s}{'median':>9s}{'process':>9s}{'times dual':>11s}{'gap':>10s}"
        f"{'excess':>10s}{'Gram':>10s}")
    for tau in TEMPERATURES:
        for k in CLASSES:
            n = np.array(sizes_of(k), float)
            times, process, answers = {}, {}, {}
            for _ in range(repeats):       # in turns, so that a change of load meets all
                for method in ("dual", "conic"):
                    wall, result = by_ufmin(program, k, tau, method)
                    times.setdefault(method, []).append(result["solution"]["seconds"])
                    process.setdefault(method, []).append(wall)
                    answers[method] = result
                for name, solver, options in SOLVERS:
                    try:
                        wall, M = by_cvxpy(k, tau, solver, options)
                    except cp.error.SolverError as error:
                        answers[name] = str(error)[:60]
                        continue
                    times.setdefault(name, []).append(wall)
                    answers[name] = M
            if k == CLASSES[-1]:
                process[SOLVERS[0][0]] = [process_of_cvxpy(k, tau) for _ in range(2)]
            exact = np.array(answers["dual"]["solution"]["gram"])
            best = answers["dual"]["solution"]["excess"]
            for name in times:
                answer, gap = answers[name], ""
                if isinstance(answer, dict):
                    gap = f"{answer['certificate']['relative_gap']:.1e}"
                    value, M = answer["solution"]["excess"], np.array(answer["solution"]["gram"])
                else:
                    M = feasible(answer)
                    value = excess(M, n, tau)
                wall = f"{min(process[name]):.3f}" if name in process else ""
                say(f"{k:3d}{tau:6g}  {name:26s}{spread(times[name])}{wall:>9s}{min(times[name]) / min(times['dual']):11.0f}"
                    f"{gap:>10s}{abs(value / best - 1):10.1e}{np.abs(M - exact).max():10.1e}")
            for name, answer in answers.items():
                if name not in times:
                    say(f"{k:3d}{tau:6g}  {name:26s}  failed: {answer}")


def yardstick(say, program, repeats):
    """One numpy.linalg.eigh of order 1000, default threads, against real class counts where UFMIN_DATA names their folder."""
    import numpy as np
    random = np.random.default_rng(0)
    A = random.standard_normal((1000, 1000))
    A = A + A.T
    folder = os.environ.get("UFMIN_DATA")
    cases = [("laion400m-imagenet", 1), ("places-lt", 1), ("lvis-v1-instances", 2)] if folder else []
    eigh, ours = [], {}
    for _ in range(repeats):
        start = time.perf_counter()
        np.linalg.eigh(A)
        eigh.append(time.perf_counter() - start)
        for name, views in cases:
            done = subprocess.run([program, "solve", "--sizes-file", os.path.join(folder, name + ".txt"), "--views", str(views),
                                   "--cross-check", "never", "--format", "json"], capture_output=True, text=True)
            ours.setdefault(name, []).append((json.loads(done.stdout)["solution"]["seconds"], json.loads(done.stdout)))
    say(f"\nnumpy.linalg.eigh, 1000 x 1000: best {min(eigh):.4f} s, median {statistics.median(eigh):.4f} s")
    if not cases:
        say("UFMIN_DATA is not set: no real class counts")
    for name, _ in cases:
        times = [t for t, _ in ours[name]]
        c = ours[name][0][1]["certificate"]
        say(f"{name:20s} tau 0.1: best {min(times):.4f} s = {min(times) / min(eigh):.3f} eigh of order 1000; "
            f"relative gap {c['relative_gap']:.1e}, {c['verdict']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ufmin", default="target/release/ufmin")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output")
    parser.add_argument("--once", nargs=2, metavar=("K", "TAU"), help="solve once by CVXPY + Clarabel and print nothing")
    options = parser.parse_args()
    if options.once:
        by_cvxpy(int(options.once[0]), float(options.once[1]), "CLARABEL", {})
        return
    import clarabel
    import cvxpy
    import numpy
    import scs
    lines = []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    version = subprocess.run([options.ufmin, "--version"], capture_output=True, text=True).stdout.strip()
    say(f"{version}; python {platform.python_version()}, numpy {numpy.__version__}, cvxpy {cvxpy.__version__}, "
        f"clarabel {clarabel.__version__}, scs {scs.__version__}")
    say(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start, {options.repeats} runs of each in turns")
    say("seconds: ufmin from the problem to the certificate, CVXPY problem.solve() alone; process: best wall time of the whole\n"
        "process, imports included; gap: certified, relative to the excess; excess: relative error of the excess at the returned\n"
        "matrix (made feasible) against dual; Gram: its largest entry error against dual\n")
    compare(say, options.ufmin, options.repeats)
    yardstick(say, options.ufmin, options.repeats)
    say(f"load average {os.getloadavg()[0]:.1f} at the end")
    if options.output:
        with open(options.output, "w") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
