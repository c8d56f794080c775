"""Figures by matplotlib, which is imported here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _ufmin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_CLASSES = 1000
"""Most classes that are drawn one by one."""


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, made = plt.subplots(layout="constrained")
    return made


def heatmap(solution: _ufmin.Solution, ax: Axes | None = None) -> Axes:
    """The Gram matrix in the colours of the pictures: blue for -1, white for 0, red for 1."""
    from matplotlib.colors import ListedColormap

    ax = _axes(ax)
    style: dict[str, Any] = {"cmap": ListedColormap(_ufmin.colours(), "ufmin"), "vmin": -1.0, "vmax": 1.0}
    problem = solution.problem
    if problem.loss == "cross-entropy":
        # Features may have any length.
        largest = float(np.abs(solution.group_gram).max())
        style.update(vmin=-largest, vmax=largest)
    if problem.class_count <= MAX_CLASSES:
        image: Any = ax.imshow(solution.gram, **style)
        ax.set_xlabel("class")
        ax.set_ylabel("class")
    else:
        edges = np.concatenate([[0], np.cumsum([group["count"] for group in solution.groups])])
        image = ax.pcolormesh(edges, edges, solution.group_gram, **style)
        ax.invert_yaxis()
        ax.set_aspect("equal")
        ax.set_xlabel("classes, largest first")
        ax.set_ylabel("classes, largest first")
    ax.set_title(problem.title or _described(problem))
    ax.figure.colorbar(image, ax=ax, label="inner product")
    return ax


def _described(problem: _ufmin.Problem) -> str:
    words = [f"{problem.class_count} classes", problem.loss]
    if problem.temperature is not None:
        words.append(f"temperature {problem.temperature:g}")
    return ", ".join(words)


def curve(found: _ufmin.Curve, ax: Axes | None = None) -> Axes:
    """The angles of the closest and the farthest classes against what varies, and those of its limit."""
    ax = _axes(ax)
    rows = found.rows
    for key, word in (("nearest_degrees", "closest classes"), ("farthest_degrees", "farthest classes")):
        (line,) = ax.plot(found.values, [row[key] for row in rows], marker="o", label=word)
        if found.limit is not None:
            ax.axhline(found.limit["row"][key], color=line.get_color(), linestyle="--", linewidth=1)
    if found.limit is not None:
        ax.plot([], [], color="0.4", linestyle="--", linewidth=1, label=found.limit["name"].replace("-", " "))
    if found.vary != "power":
        ax.set_xscale("log")
    ax.set_xlabel(found.vary.replace("-", " "))
    ax.set_ylabel("angle in degrees")
    ax.legend()
    return ax


def diagram(found: _ufmin.PhaseDiagram, ax: Axes | None = None) -> Axes:
    """How many classes share their vector with another, by ratio and temperature, with the boundary of collapse."""
    ax = _axes(ax)
    image = ax.pcolormesh(found.ratios, found.temperatures, found.collapsed, cmap="YlOrRd", shading="nearest")
    for line in found.boundary:
        ax.plot(line[:, 0], line[:, 1], color="black", linewidth=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("imbalance ratio")
    ax.set_ylabel("temperature")
    ax.figure.colorbar(image, ax=ax, label="classes that share their vector")
    return ax
