"""60-digit linear algebra and Newton on numpy object arrays of mpmath numbers."""
import numpy as np
from mpmath import mp, mpf

mp.dps = 60
EXP, LOG, LOG1P = (np.frompyfunc(f, 1, 1) for f in (mp.exp, mp.log, mp.log1p))


def solve(A, b):
    """Gaussian elimination with partial pivoting on object arrays, rows equilibrated."""
    A, n = np.column_stack([A, b]), len(b)
    A = A / np.array([max(abs(x) for x in r[:-1]) for r in A], dtype=object)[:, None]
    for i in range(n):
        p = i + int(np.argmax([float(abs(x)) for x in A[i:, i]]))
        if A[p, i] == 0:
            raise ArithmeticError("singular")
        A[[i, p]] = A[[p, i]]
        for r in range(i + 1, n):
            if A[r, i] != 0:
                A[r, i + 1:] -= (A[r, i] / A[i, i]) * A[i, i + 1:]
    x = np.array([mpf(0)] * n, dtype=object)
    for i in range(n - 1, -1, -1):
        x[i] = (A[i, n] - (A[i, i + 1:n] * x[i + 1:]).sum()) / A[i, i]
    return x


def eigenvalues(A):
    """Ascending eigenvalues of a symmetric matrix."""
    return sorted(mp.eigsy(mp.matrix(A.tolist()), eigvals_only=True))


def newton(fun, x, tol=mpf(10) ** -50, maxit=80):
    """Newton with residual halving; fun(x) = (scaled residual norm, residual, Jacobian thunk)."""
    r, res, jac = fun(x)
    for _ in range(maxit):
        if r < tol:
            return x
        dx, t = solve(jac(), -res), mpf(1)
        while True:
            trial = fun(x + t * dx)
            if trial is not None and trial[0] < (1 - t / 10) * r:
                break
            t /= 2
            if t < 1e-4:
                return None
        x, (r, res, jac) = x + t * dx, trial
    return None
