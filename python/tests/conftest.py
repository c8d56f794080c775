"""What the tests have alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

Cli = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def command() -> Path:
    """The command `ufmin`: that of UFMIN_CLI, or the one of this workspace."""
    named = os.environ.get("UFMIN_CLI") or shutil.which("ufmin", path=str(ROOT / "target" / "release"))
    if not named:
        pytest.skip("the command is not built: cargo build --release")
    return Path(named)


@pytest.fixture
def cli(command: Path, tmp_path: Path) -> Cli:
    """Runs the command and reads its JSON. Status 1 (not certified) is an answer too."""

    def run(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [str(command), *arguments, "--format", "json"], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode in (0, 1), done.stderr
        read: dict[str, Any] = json.loads(done.stdout)
        return read

    return run


def without_times(value: Any) -> Any:
    """The keys that may differ between two equal runs are called `seconds`."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key != "seconds"}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value
