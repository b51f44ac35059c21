"""The program `kerasart`: lists the commands, or runs one."""

from kerasart.scripts import COMMANDS, cli

import ast
import difflib
import importlib
import sys
from importlib.resources import files
from pathlib import Path


def main() -> None:
    """Runs `kerasart COMMAND --flag=value ...`; without a command all are listed."""
    program = Path(sys.argv[0]).stem
    if program == "__main__":
        program = "python -m kerasart"
    name, *rest = sys.argv[1:] or ["--help"]
    command = name.replace("-", "_")
    sys.argv = [f"{program} {command}" if command in COMMANDS else program, *rest]
    if command in COMMANDS:
        importlib.import_module(f"kerasart.scripts.{command}").run()
    elif name in ("--help", "-h"):
        cli.attempt(lambda: cli.show(_describe(program)))
    elif name == "--version":
        cli.attempt(cli.show_version)
    else:
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        hint = f"; nearest: {near[0]}" if near else ""
        print(
            f"{program}: The command must be one of {', '.join(COMMANDS)}{hint}. "
            f"Received: {name!r}",
            file=sys.stderr,
        )
        sys.exit(2)


def _describe(program):
    width = max(map(len, COMMANDS))
    commands = [f"  {name:{width}}  {_purpose(name)}" for name in COMMANDS]
    return "\n".join(
        [f"{program} COMMAND --flag=value ... (COMMAND --help shows its flags)", "", *commands]
    )


def _purpose(command):
    """Reads the first line of a command's docstring without importing it."""
    source = (files("kerasart.scripts") / f"{command}.py").read_text()
    return ast.get_docstring(ast.parse(source)).partition("\n")[0]


if __name__ == "__main__":
    main()
