"""Every public name is documented, typed, and what the stub says."""

from __future__ import annotations

import importlib.resources
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import ufmin

PUBLIC = [getattr(ufmin, name) for name in ufmin.__all__ if name != "__version__"]

USE = """
import numpy as np
import ufmin

problem = ufmin.Problem(sizes=[500, 5], loss="supcon", temperature=0.1)
solution: ufmin.Solution = ufmin.solve(problem, cross_check="never", progress=lambda news: print(news.done))
gram: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = solution.gram
excess: float | None = solution.excess
threshold: float | None = ufmin.phase(problem).threshold
diagram: ufmin.PhaseDiagram = ufmin.phase(problem, grid=(5, 5))
landscape: ufmin.Landscape = ufmin.verify(problem, starts=5)
sweep: ufmin.LandscapeSweep = ufmin.verify(problem, starts=5, dimensions=(2, 3))
result: ufmin.Result = ufmin.curve(sizes=np.array([5, 4]), vary="temperature", values=[0.1])
"""

MISUSE = """
import ufmin

ufmin.solve(sizes=[5, 4], temprature=0.1)
ufmin.Problem(sizes=[5, 4], loss="suppcon")
ufmin.solve([5, 4])
ufmin.solve(sizes=[5, 4]).gramm
"""


def members(owner: Any) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in vars(owner).items() if not name.startswith("_")]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: str(thing.__name__))
def test_every_public_name_has_a_docstring(thing: Any) -> None:
    assert inspect.getdoc(thing)
    if inspect.isclass(thing) and not issubclass(thing, BaseException):
        for name, member in members(thing):
            if not isinstance(member, (str, int)):
                assert inspect.getdoc(member), f"{thing.__name__}.{name}"


def test_everything_is_public_or_private() -> None:
    from ufmin import _ufmin

    compiled = {name for name in dir(_ufmin) if not name.startswith("_")}
    assert compiled <= set(ufmin.__all__)
    assert sorted(ufmin.__all__) == ufmin.__all__
    assert all(thing.__module__ in ("ufmin", "ufmin._ufmin", "ufmin._progress") for thing in PUBLIC)
    assert (importlib.resources.files("ufmin") / "py.typed").is_file()
    assert ufmin.__version__ == "0.1.0"


def test_the_keywords_of_the_stub_are_those_of_problem() -> None:
    from ufmin._types import ProblemKeywords

    assert list(ProblemKeywords.__annotations__) == list(inspect.signature(ufmin.Problem).parameters)


def mypy(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_types_are_strict(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    done = mypy("mypy", "--strict", "use.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done = mypy("mypy", "--strict", "-p", "ufmin", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_catch_mistakes(tmp_path: Path) -> None:
    (tmp_path / "misuse.py").write_text(MISUSE)
    done = mypy("mypy", "--strict", "misuse.py", cwd=tmp_path)
    found = [int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line]
    assert sorted(set(found)) == [4, 5, 6, 7], done.stdout


def test_the_stub_is_what_runs(tmp_path: Path) -> None:
    done = mypy("mypy.stubtest", "ufmin", "--allowlist", str(Path(__file__).with_name("stubtest.txt")), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
