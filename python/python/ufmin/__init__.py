"""Which geometry does a supervised contrastive loss drive the embeddings to? Exact answers, with a proof.

>>> import ufmin
>>> solution = ufmin.solve(sizes=[500, 500, 5, 5], temperature=0.1)
>>> solution.is_certified
True

A `Problem` says what is minimised; `solve` finds its global minimiser as a `Solution`, with a `Certificate` that no other
features are better. The other verbs answer questions around it: `phase` (from which imbalance on do classes collapse?), `curve`
(how does the geometry depend on the batch size?), `compare` (which loss keeps the tail classes apart?), `verify` (does going
downhill find it?), `evaluate` (how far are trained features from it?), `explain` (which positives repel?), `bound`, and
`check_batches`, `bind_batches` and `sample_batches` for schedules of batches.
"""

from __future__ import annotations

from ._errors import NotCertifiedWarning, ProblemError, SolverError
from ._progress import Progress
from ._ufmin import (
    AllBatches,
    BatchesCheck,
    Certificate,
    Comparison,
    CrossEntropyThreshold,
    Curve,
    Evaluation,
    Explanation,
    Landscape,
    LandscapeSweep,
    Phase,
    PhaseDiagram,
    Problem,
    Result,
    Solution,
    __version__,
    bind_batches,
    bound,
    check_batches,
    colours,
    compare,
    curve,
    evaluate,
    explain,
    phase,
    problems,
    sample_batches,
    solve,
    verify,
)

__all__ = [
    "AllBatches",
    "BatchesCheck",
    "Certificate",
    "Comparison",
    "CrossEntropyThreshold",
    "Curve",
    "Evaluation",
    "Explanation",
    "Landscape",
    "LandscapeSweep",
    "NotCertifiedWarning",
    "Phase",
    "PhaseDiagram",
    "Problem",
    "ProblemError",
    "Progress",
    "Result",
    "Solution",
    "SolverError",
    "__version__",
    "bind_batches",
    "bound",
    "check_batches",
    "colours",
    "compare",
    "curve",
    "evaluate",
    "explain",
    "phase",
    "problems",
    "sample_batches",
    "solve",
    "verify",
]
