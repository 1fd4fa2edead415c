"""The figures in the texts are those in the results of the benchmarks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = Path("benchmarks") / "check_figures.py"

pytestmark = pytest.mark.skipif(
    not (ROOT / SCRIPT).exists(), reason="the benchmarks are not beside the tests"
)


def _check(checkout):
    """Whether the script is content; all claims; those that do not hold."""
    checked = subprocess.run(
        [sys.executable, checkout / SCRIPT],
        env=os.environ | {"PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    claims, _, wrong = checked.stdout.partition("\n\n")
    return checked.returncode == 0, claims.splitlines(), wrong.splitlines()[1:]


def test_stated_figures_are_in_the_results():
    is_right, claims, wrong = _check(ROOT)
    assert is_right and claims, "\n".join(wrong)


def test_other_figures_are_reported(tmp_path):
    for folder in ("benchmarks", "docs", "examples"):
        ignored = shutil.ignore_patterns("_*", "auto_examples", "generated")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    text = (ROOT / "README.md").read_text("utf-8")
    other = text.translate(str.maketrans("0123456789", "1234567890"))
    (tmp_path / "README.md").write_text(other, "utf-8")
    is_right, claims, wrong = _check(tmp_path)
    assert not is_right
    assert wrong == [claim for claim in claims if claim.startswith("README.md:")]
