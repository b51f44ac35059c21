import subprocess
import sys

import pytest
from benchmark_runs import ROOT, run_benchmark

pytest.importorskip("ray")


@pytest.mark.slow
def test_workers_and_plain_processes_write_the_same_files():
    command = [sys.executable, "-m", "benchmarks.scale", "--quick", "--model=small"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    rows = [line.split("|")[1:-1] for line in run.stdout.splitlines() if line.startswith("|")]
    plain, many = ([cell.strip() for cell in row] for row in rows[2:])
    assert plain[1] == "plain processes" and plain[3] == plain[5] == "1.00"
    assert many[1] == "stylize_many.py" and all(float(cell) > 0 for cell in many[2:])


def test_a_run_of_many_names_is_planned_without_painting(forks):
    printed = run_benchmark(forks, "scale", "--names=2000")
    assert printed.startswith("2000 names: ") and " GiB more." in printed
