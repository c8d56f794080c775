"""What the pages show is what runs: every block of Python on the Python page, in the READMEs and in the docstring of the module.

A block marked `python` runs after those before it on its page, and must print the `text` block that follows, if one does. One
that is marked with the name of a library too runs where that is installed. Blocks marked `python run` are run by the tests of
the book. `UFMIN_BLESS=1` writes what is printed into the page.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import os
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ufmin
from conftest import ROOT

PAGES = ["docs/src/guide/python.md", "README.md", "python/README.md"]
FENCE = re.compile(r"^```(?P<info>.*)\n(?P<body>(?:(?!```).*\n)*?)```$", re.MULTILINE)


def blocks(text: str) -> list[re.Match[str]]:
    return list(FENCE.finditer(text))


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def words(text: str) -> list[str]:
    return NUMBER.sub("#", text).split()


def numbers(text: str) -> list[float]:
    """The last digits are those of a machine."""
    return [float(number) for number in NUMBER.findall(text)]


@pytest.mark.parametrize("page", PAGES)
def test_pages_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / page
    text = path.read_text()
    monkeypatch.chdir(tmp_path)
    # What the reader has: labels of a training set.
    names: dict[str, Any] = {"y": np.repeat([0, 1, 2], [50, 20, 5])}
    found = blocks(text)
    ran, outputs = 0, []
    for block, following in zip(found, [*found[1:], None], strict=True):
        language, *needs = block["info"].split()
        if language != "python" or "run" in needs or not all(map(importlib.util.find_spec, needs)):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            exec(compile(block["body"], f"{page}", "exec"), names)
        ran += 1
        if following is not None and following["info"] == "text" and text[block.end() : following.start()].strip() == "":
            outputs.append((following, printed.getvalue()))
    assert ran >= 1
    if os.environ.get("UFMIN_BLESS") == "1":
        for block, real in reversed(outputs):
            text = text[: block.start("body")] + real + text[block.end("body") :]
        path.write_text(text)
        return
    for block, real in outputs:
        assert words(block["body"]) == words(real)
        assert numbers(block["body"]) == pytest.approx(numbers(real), rel=1e-6, abs=1e-9)


def test_the_docstring_of_the_module_runs() -> None:
    failed, tried = doctest.testmod(ufmin)
    assert tried >= 3 and failed == 0


def test_the_page_names_every_public_name() -> None:
    text = (ROOT / "docs/src/guide/python.md").read_text()
    classes = {name for name in ufmin.__all__ if name[0].isupper() and issubclass(getattr(ufmin, name), ufmin.Result)}
    for name in set(ufmin.__all__) - classes - {"__version__"}:
        assert name in text, name
