"""Runs all benchmarks of speed, and writes down what they say.

    python -m benchmarks
    python -m benchmarks --quick --output=here.md
    python -m benchmarks --only=deep_dream,large

The file (docs/performance.md) gets a section for each: what it measures, and its tables, which say
what machine they are from. Rivals that are not installed are left out. It takes an hour or two on a
laptop, which should do nothing else meanwhile; --quick takes minutes, and its numbers say little.
The benchmarks of quality (style_quality, fast_quality) ask for pictures, and that of serving for an
exported model: they are run by themselves.
"""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import add_only, make_parser
from kerasart.image.files import replace_file

BENCHMARKS = {
    "deep_dream": "Dreams",
    "style_transfer": "A step of style transfer",
    "fast_style": "Painting in one pass",
    "large": "Large pictures",
    "start": "What comes before the first step",
    "memory": "Memory over many calls",
}
FOLDER = Path(__file__).parent


def main():
    """Runs the benchmarks, one after the other, and writes the file after each."""
    options = parse_options()
    sections = ["# Performance"]
    for name in options.only:
        command = [sys.executable, "-m", f"benchmarks.{name}", *["--quick"] * options.quick]
        print(f"benchmarks.{name} ...", file=sys.stderr, flush=True)
        run = subprocess.run(command, cwd=FOLDER.parent, stdout=subprocess.PIPE, text=True)
        if run.returncode:
            sys.exit(run.returncode)  # It said why.
        sections.append(f"## {BENCHMARKS[name]}\n\n{explain(name)}\n\n{run.stdout.strip()}")
        replace_file(options.output, "\n\n".join(sections).encode() + b"\n")


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks", __doc__)
    parser.add_argument("--quick", action="store_true", help="to see whether they run")
    add_only(parser, BENCHMARKS)
    parser.add_argument(
        "--output", type=Path, default=FOLDER.parent / "docs" / "performance.md", help="the file"
    )
    return parser.parse_args()


def explain(name):
    """Says what a benchmark measures: its docstring, whose lines of code say how it is run."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    title, usage, *rest = inspect.cleandoc(ast.get_docstring(tree)).split("\n\n")
    command = usage.strip().splitlines()[0].strip()
    return "\n\n".join([f"{title} By `{command}`.", *rest])


if __name__ == "__main__":
    main()
