"""Figures by matplotlib: on axes that are given or made, in the colours of the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import ufmin

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Any) -> Any:
    ax.figure.canvas.draw()
    return ax


def test_a_heatmap_has_the_matrix_and_the_colours() -> None:
    solution = ufmin.solve(sizes=[100, 100, 10, 10], title="a title")
    _, ax = plt.subplots()
    assert drawn(solution.plot(ax)) is ax
    (image,) = ax.images
    assert np.array_equal(np.asarray(image.get_array()), solution.gram)
    assert image.get_clim() == (-1, 1)
    assert ax.get_title() == "a title"
    colours = np.array(ufmin.colours())
    assert colours.shape == (255, 3)
    # Nearly white at 0, red above, blue below.
    middle = colours[127]
    assert middle.min() > 0.9 and colours[254].argmax() == 0 and colours[0].argmax() == 2
    assert np.allclose(image.cmap(0.5)[:3], middle)
    made = solution.plot()
    assert made is not ax
    assert made.get_title() == "a title"


def test_many_classes_are_drawn_by_groups() -> None:
    ax = drawn(ufmin.solve(sizes=[500] * 3000 + [5] * 1000).plot())
    (mesh,) = ax.collections
    assert mesh.get_array().shape == (2, 2)
    assert ax.get_xlim() == (0, 4000) and ax.get_ylim() == (4000, 0)


def test_features_of_any_length_have_a_range_of_their_own() -> None:
    solution = ufmin.solve(sizes=[20, 20, 5], loss="cross-entropy", classifier_norm=1.0, feature_norm=5.0)
    (image,) = drawn(solution.plot()).images
    low, high = image.get_clim()
    assert high == -low == pytest.approx(np.abs(solution.gram).max())


def test_a_curve_and_a_diagram() -> None:
    ax = drawn(ufmin.curve(sizes=[500, 50, 5], vary="batch-size", values=[8, 32]).plot())
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "batch size"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "closest classes",
        "farthest classes",
        "full batch",
    ]
    diagram = ufmin.phase(sizes=[100, 100, 10, 10], grid=(6, 5), ratios=(1.0, 500.0), temperatures=(0.1, 2.0))
    ax = drawn(diagram.plot())
    assert len(ax.lines) == len(diagram.boundary) and len(ax.collections) == 1
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
