"""A guest in the interpreter: threads, signals, forks, progress and memory."""

from __future__ import annotations

import builtins
import ctypes
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import ufmin

# Many distinct sizes in low-rank form: some seconds of work.
LONG = ufmin.Problem(sizes=[2 + 7 * i for i in range(600)], method="lowrank", temperature=0.05)


def test_the_interpreter_is_released() -> None:
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    began = time.perf_counter()
    with pytest.warns(ufmin.NotCertifiedWarning):
        ufmin.solve(LONG, time_limit=0.5)
    elapsed = time.perf_counter() - began
    done.set()
    counter.join()
    assert elapsed > 0.4
    # A counter that waits for the interpreter all the while counts once or twice.
    assert ticks > 50


def test_two_threads_solve_at_once() -> None:
    """Each sees the other's progress before its own end."""
    inside = [threading.Event(), threading.Event()]
    together = []

    def solve(me: int) -> None:
        def progress(_: ufmin.Progress) -> None:
            inside[me].set()
            together.append(inside[1 - me].wait(30))
            raise StopIteration

        with pytest.raises(StopIteration):
            ufmin.verify(sizes=[30, 30, 5], starts=500, progress=progress)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(solve, range(2)))
    assert together == [True, True]


def test_random_access_from_many_threads() -> None:
    solution = ufmin.solve(sizes=list(range(2, 202)), cross_check="never")

    def look(seed: int) -> float:
        rng = np.random.default_rng(seed)
        total = 0.0
        for i, j in rng.integers(200, size=(300, 2)):
            total += solution.entry(int(i), int(j)) - solution.gram[i, j]
            total += abs(solution.embeddings[i] @ solution.embeddings[j] - solution.gram[i, j]) > 1e-12
        assert solution.to_dict()["solution"]["rank"] == solution.rank
        return total

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(look, range(8))) == {0.0}


INTERRUPTED = """
import os, signal, threading, time
import ufmin
problem = ufmin.Problem(sizes=[2 + 7 * i for i in range(600)], method="lowrank", temperature=0.05)
sent = []
def send():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
for verb in (lambda: ufmin.solve(problem), lambda: ufmin.verify(sizes=[60] * 8, starts=10_000)):
    threading.Timer(0.3, send).start()
    try:
        verb()
    except KeyboardInterrupt:
        print(time.perf_counter() - sent[-1])
print(ufmin.solve(sizes=[500, 5]).is_certified)
"""


def test_ctrl_c_stops_and_leaves_the_interpreter_usable() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second, usable = done.stdout.split()
    assert float(first) < 0.5 and float(second) < 0.5
    assert usable == "True"


def test_handlers_of_other_signals_are_called_meanwhile() -> None:
    heard: list[float] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(time.perf_counter()))
    try:
        began = time.perf_counter()
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        with pytest.warns(ufmin.NotCertifiedWarning):
            ufmin.solve(LONG, time_limit=1.0)
        ended = time.perf_counter()
    finally:
        signal.signal(signal.SIGUSR1, before)
    # It did not wait for the end.
    assert began < heard[0] < ended - 0.3


def loss(size: int) -> float:
    return ufmin.solve(sizes=[size, size, 5, 5]).loss


FORK = "fork" in multiprocessing.get_all_start_methods()


@pytest.mark.skipif(not FORK, reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_children_solve_after_their_parent() -> None:
    sizes = [100, 200, 300, 400, 500, 600]
    expected = [loss(size) for size in sizes]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(loss, sizes).get(timeout=120) == expected
    # And their children.
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if [loss(size) for size in sizes] == expected else 1)
        _, status = os.waitpid(grandchild, 0)
        os._exit(os.waitstatus_to_exitcode(status) or (0 if loss(sizes[0]) == expected[0] else 2))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert loss(sizes[0]) == expected[0]


@pytest.mark.skipif(not FORK, reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_what_is_made_later_is_made_in_a_child_too() -> None:
    """Eigenvectors of this size are found by several threads, wherever they are asked for."""
    problem = ufmin.Problem(sizes=range(2, 602))

    def look() -> float:
        solution = ufmin.solve(problem, cross_check="never")
        assert solution.to_dict()["solution"]["rank"] == solution.rank
        assert solution.png().startswith(b"\x89PNG")
        return float(solution.embeddings.sum())

    expected = look()
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        os._exit(0 if look() == expected else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.skipif(not FORK, reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_while_a_thread_solves() -> None:
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            ufmin.solve(sizes=list(range(2, 60)), cross_check="never")

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        expected = loss(100)
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(0 if loss(100) == expected else 1)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("method", [name for name in ("spawn", "forkserver") if name in multiprocessing.get_all_start_methods()])
def test_problems_and_solutions_go_to_other_processes(method: str) -> None:
    problems = [ufmin.Problem(sizes=[size, 5]) for size in (50, 100)]
    with multiprocessing.get_context(method).Pool(1) as pool:
        solutions = pool.map_async(ufmin.solve, problems).get(timeout=120)
    assert [solution.loss for solution in solutions] == [ufmin.solve(problem).loss for problem in problems]


def test_a_callable_is_told_of_progress_in_its_own_thread() -> None:
    told: list[ufmin.Progress] = []
    threads: set[int] = set()

    def progress(news: ufmin.Progress) -> None:
        told.append(news)
        threads.add(threading.get_ident())

    ufmin.verify(sizes=[20, 20, 5], starts=30, progress=progress)
    assert threads == {threading.get_ident()}
    last = told[-1]
    assert (last.stage, last.done, last.total) == ("starts", 30, 30)
    assert last.measure == 1.0
    assert [news.done for news in told] == sorted(news.done for news in told)
    ufmin.solve(sizes=[5, 4], progress=False)
    with pytest.raises(TypeError, match="progress must be a bool or a callable, not int"):
        ufmin.solve(sizes=[5, 4], progress=3)  # type: ignore[arg-type]


def test_an_observer_that_raises_ends_the_work() -> None:
    class Enough(Exception):
        pass

    def progress(news: ufmin.Progress) -> None:
        raise Enough

    began = time.perf_counter()
    with pytest.raises(Enough):
        ufmin.verify(sizes=[60] * 8, starts=10_000, progress=progress)
    assert time.perf_counter() - began < 20


def test_true_shows_a_bar_where_tqdm_is(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    ufmin.verify(sizes=[20, 20, 5], starts=30, progress=True)
    gc.collect()
    assert "starts" in capfd.readouterr().err


def test_true_is_silent_where_it_is_not(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    ufmin.verify(sizes=[20, 20, 5], starts=5, progress=True)
    assert capfd.readouterr() == ("", "")


def test_a_time_limit_is_kept() -> None:
    began = time.perf_counter()
    with pytest.warns(ufmin.NotCertifiedWarning):
        solution = ufmin.solve(LONG, time_limit=0.3)
    assert time.perf_counter() - began < 5
    assert solution.termination == "time-limit"
    assert not solution.is_complete
    with pytest.raises(ufmin.SolverError, match="stopped") as caught:
        ufmin.phase(profile="exponential", count=200, largest=5000, ratio=100, time_limit=1e-3)
    assert caught.value.hint == "give it more time"
    curve = ufmin.curve(sizes=[500, 50, 5], vary="temperature", time_limit=1e-6)
    assert not curve.is_complete


def test_the_result_does_not_depend_on_the_threads() -> None:
    problem = ufmin.Problem(sizes=[40, 30, 20, 10, 5], batch_size=16)
    one, two = (ufmin.solve(problem, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.gram, two.gram)
    assert one.loss == two.loss


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc on this system")
def test_no_memory_is_lost() -> None:
    problem = ufmin.Problem(sizes=[500] * 5 + [5] * 5)

    def solve(times: int) -> None:
        for index in range(times):
            solution = ufmin.solve(problem, cross_check="never")
            if index % 10 == 0:
                _ = solution.gram, solution.embeddings, solution.groups
            if index % 100 == 0:
                solution.to_dict()
                pytest.raises(ufmin.ProblemError, ufmin.solve, sizes=[5])

    solve(5_000)
    gc.collect()
    before = resident()
    solve(100_000)
    gc.collect()
    # 40 bytes a solve.
    assert resident() - before < 4 << 20


def test_solve_adds_little_to_the_library() -> None:
    problem = ufmin.Problem(sizes=[500] * 5 + [5] * 5)
    overheads = []
    for _ in range(300):
        began = time.perf_counter()
        solution = ufmin.solve(problem, cross_check="never")
        overheads.append(time.perf_counter() - began - solution.seconds)
    # The half that other processes disturb is left out.
    assert np.median(overheads) < 100e-6


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="symbols are hidden on Linux")
def test_no_symbol_of_blas_is_shown_to_the_process() -> None:
    from ufmin import _ufmin

    library = ctypes.CDLL(_ufmin.__file__)
    assert hasattr(library, "PyInit__ufmin")
    for symbol in ("dgemm_", "dsyevr_", "dpotrf_"):
        assert not hasattr(library, symbol), symbol


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, ufmin; ufmin.solve(sizes=[5, 4]).summary(); print([m for m in ('matplotlib', 'pandas', 'torch', 'tqdm', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""
