"""Whether the orthogonal frame is the only optimum of nonnegative features on fixed batches, by solving (THEORY 6).

For every schedule the set of Gram matrices that are doubly nonnegative, have a unit diagonal and a loss of at most the
frame's plus a slack is searched in two random directions, each way. If the optimum is unique, the width of the set goes
to zero with the slack, like its fourth root at least: a slack of 1e-7 has less than half of the width that 1e-5 has. If
not, it goes to a limit, and has more than 0.75 of it. Anything between is an error. Nothing here knows of graphs, edges or
connectivity.
Usage: python batches.py            writes batches.json next to this file
"""
import itertools
import json
import os
import platform
import random
import warnings

import cvxpy as cp
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TAU, SLACKS = 0.5, (1e-5, 1e-7)


def rows(labels, batches, loss):
    """(weights, members, anchor, positive) of every log-sum-exp: log sum_l weights_l exp((G_il - G_ij)/tau)."""
    for batch in batches:
        for i in batch:
            own = [l for l in batch if l != i and labels[l] == labels[i]]
            negatives = [l for l in batch if labels[l] != labels[i]]
            for j in own:
                if loss == "supcon":
                    members = own + negatives
                elif loss == "sincere":
                    members = negatives + [j]
                elif loss == "nscl":
                    members = negatives
                else:
                    members = own + negatives
                if loss == "bcl":
                    size = {c: sum(labels[l] == c for l in batch) for c in labels}
                    weights = [1 / (size[labels[l]] - (labels[l] == labels[i])) for l in members]
                else:
                    weights = [1.0] * len(members)
                if members:
                    yield weights, members, i, j, 1 / len(own)


def width(labels, batches, loss, generator):
    """Extents of the set of optima in two random directions of its entries, summed, for either slack."""
    used = sorted({i for batch in batches for i in batch})
    place = {i: p for p, i in enumerate(used)}
    labels = [labels[i] for i in used]
    batches = [[place[i] for i in batch] for batch in batches]
    n = len(used)
    if n == 1:
        return [1.0, 0.0]
    gram = cp.Variable((n, n), symmetric=True)
    frame = np.array([[float(a == b) for b in labels] for a in labels])
    value, floor = 0, 0.0
    for weights, members, i, j, weight in rows(labels, batches, loss):
        shift = np.log(weights)
        terms = cp.hstack([(gram[i, l] - gram[i, j]) / TAU + s for l, s in zip(members, shift)])
        value = value + weight * cp.log_sum_exp(terms)
        floor += weight * np.log(sum(w * np.exp((frame[i, l] - frame[i, j]) / TAU) for l, w in zip(members, weights)))
    constraints = [gram >> 0, gram >= 0, cp.diag(gram) == 1]
    if not isinstance(value, int):
        best = cp.Problem(cp.Minimize(value), constraints[:3])
        best.solve(solver=cp.CLARABEL)
        assert abs(best.value - floor) < 1e-6 * max(1, abs(floor)), (labels, batches, loss, best.value, floor)
    directions = generator.standard_normal((2, n, n))
    result = []
    for slack in SLACKS:
        bound = [] if isinstance(value, int) else [value <= floor + slack]
        extent = 0.0
        for direction in directions:
            aim = cp.sum(cp.multiply(direction + direction.T, gram)) / 2
            for sense in (cp.Minimize(-aim), cp.Minimize(aim)):
                problem = cp.Problem(sense, constraints + bound)
                problem.solve(solver=cp.CLARABEL)
                assert problem.status in ("optimal", "optimal_inaccurate"), problem.status
                extent -= problem.value
        result.append(float(extent))
    return result


def canonical(labels, batches):
    """The least form of a schedule under permutations of samples within classes and of classes of equal size."""
    groups = [[i for i, c in enumerate(labels) if c == k] for k in sorted(set(labels))]
    best = None
    for order in itertools.permutations(range(len(groups))):
        if [len(groups[o]) for o in order] != [len(g) for g in groups]:
            continue
        for inner in itertools.product(*[itertools.permutations(groups[o]) for o in order]):
            name = {old: new for new, old in enumerate(itertools.chain(*inner))}
            form = tuple(sorted(tuple(sorted(name[i] for i in batch)) for batch in batches))
            if best is None or form < best:
                best = form
    return best


def cases():
    """All schedules of up to three batches of two pairs, by symmetry; samples of larger ones; the instances of THEORY 6."""
    seen = set()
    subsets = [c for size in (1, 2, 3, 4) for c in itertools.combinations(range(4), size)]
    for count in (1, 2, 3):
        for batches in itertools.combinations(subsets, count):
            seen.add(((0, 0, 1, 1), canonical((0, 0, 1, 1), batches)))
    for case in sorted(seen):
        yield case, "supcon"
    generator = random.Random(12)
    shapes = [(0, 0, 0, 1, 1), (0, 0, 1, 1, 2), (0, 0, 0, 0, 1, 1), (0, 0, 0, 1, 1, 2, 2), (0, 0, 0, 0, 0, 1, 1)]
    seen = set()
    while len(seen) < 240:
        labels = generator.choice(shapes)
        count = generator.randint(2, 5)
        batches = []
        for _ in range(count):
            one = generator.random() < 0.45
            pool = [i for i, c in enumerate(labels) if not one or c == 0]
            batches.append(tuple(sorted(generator.sample(pool, generator.randint(2, min(len(pool), 5))))))
        loss = generator.choice(["supcon", "supcon", "sincere", "nscl", "bcl"])
        seen.add(((labels, canonical(labels, batches)), loss))
    yield from sorted(seen)
    for labels, batches in [
        ((0, 0, 0, 0, 1, 1), ((0, 1, 4, 5), (2, 3, 4, 5), (0, 2))),
        ((0, 0, 0, 0, 1, 1), ((0, 1, 4, 5), (2, 3, 4, 5), (0, 1, 2))),
        ((0, 0, 0, 0, 1, 1, 1, 1), ((0, 1, 4, 5), (2, 3, 6, 7))),
        ((0, 1, 2), ((0, 1, 2), (0, 1))),
    ]:
        for loss in ("supcon", "sincere", "nscl", "bcl"):
            yield (labels, batches), loss


def main():
    # An inaccurate end of the search is far more accurate than the two widths are apart.
    warnings.filterwarnings("ignore", message="Solution may be inaccurate")
    generator = np.random.default_rng(12)
    out = []
    for (labels, batches), loss in cases():
        wide, narrow = width(list(labels), [list(b) for b in batches], loss, generator)
        ratio = narrow / wide
        assert ratio < 0.5 or ratio > 0.75, (labels, batches, loss, wide, narrow)
        out.append(dict(labels=labels, batches=batches, loss=loss, unique=ratio < 0.5, ratio=round(ratio, 3)))
    header = dict(python=platform.python_version(), cvxpy=cp.__version__, numpy=np.__version__, temperature=TAU)
    lines = ",\n".join(json.dumps(case) for case in out)
    with open(os.path.join(HERE, "batches.json"), "w") as file:
        file.write('{"header": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(header), lines))
    print(len(out), sum(case["unique"] for case in out))


if __name__ == "__main__":
    main()
