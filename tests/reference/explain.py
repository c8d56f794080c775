"""Numbers for tests/it/explain.rs, with NumPy alone: python3 tests/reference/explain.py > tests/reference/explain.json

Losses and their gradients by plain loops over anchors and positives; the features are written with them.
"""

import json

import numpy as np

rng = np.random.default_rng(3)
labels = np.array([5, 5, 9, 5, 2, 9, 5, 2, 9, 9, 5, 7])
# Classes so wide that near positives repel, and rows that are not of unit length.
centres = {label: rng.normal(size=4) for label in [2, 5, 7, 9]}
features = np.array([centres[y] * rng.uniform(0.5, 3) + 1.1 * rng.normal(size=4) for y in labels])
tau = 0.1

units = features / np.linalg.norm(features, axis=1, keepdims=True)
s = units @ units.T / tau
n = len(labels)
anchors = []
for i in range(n):
    others = [l for l in range(n) if l != i]
    positives = [l for l in others if labels[l] == labels[i]]
    negatives = [l for l in others if labels[l] != labels[i]]
    if not positives:
        continue
    size = len(positives)
    mass = sum(np.exp(s[i, l]) for l in others)
    against = sum(np.exp(s[i, l]) for l in negatives)
    weights = np.array([np.exp(s[i, p]) / mass for p in positives])
    slopes = weights - 1 / size
    sincere = [-np.log(np.exp(s[i, p]) / (np.exp(s[i, p]) + against)) for p in positives]
    pulls = [against / (np.exp(s[i, p]) + against) / size for p in positives]
    anchors.append(
        {
            "sample": i,
            "class": int(sorted(set(labels)).index(labels[i])),
            "supcon": float(np.mean([-np.log(w) for w in weights])),
            "sincere": float(np.mean(sincere)),
            "repelling": int((slopes > 0).sum()),
            "repulsion": float(slopes[slopes > 0].sum()),
            "largest_weight": float(weights.max() * size),
            "supcon_pull": float(-slopes[slopes <= 0].sum()),
            "sincere_pull": float(sum(pulls)),
            "supcon_push": float(against / mass),
            "sincere_push": float(sum(pulls)),
            "bound": float(np.log(len(negatives)) - np.mean(sincere)),
        }
    )
print(
    json.dumps(
        {"labels": labels.tolist(), "features": features.tolist(), "temperature": tau, "anchors": anchors}, indent=1
    )
)
