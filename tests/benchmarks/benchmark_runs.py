"""Runs benchmarks in processes that have TensorFlow loaded already."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

# A few steps take less than the graph of one would take to build.
_CODE = """
import multiprocessing, runpy, sys, tensorflow
from benchmarks import measure
measure.get_context = lambda method: multiprocessing.get_context("fork")
measure.LARGE_CONVOLUTIONS = ((32, 64),)
tensorflow.config.run_functions_eagerly(True)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def run_benchmark(forks, name, *arguments):
    """Runs a benchmark, whose own processes are forks, too, and returns what it prints."""
    process = forks.start(_CODE, [f"benchmarks.{name}", *arguments], ROOT)
    printed, said = process.communicate()
    assert process.returncode == 0, said.decode()
    return printed.decode()
