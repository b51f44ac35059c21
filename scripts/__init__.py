"""The commands, one a module; a module here is imported first of all by each of them."""

import os
import sys

COMMANDS = (
    "studio",
    "deep_dream",
    "style_transfer",
    "dream_style",
    "stylize",
    "stylize_many",
    "train_fast_style",
    "train_generator",
    "feature_atlas",
    "generate",
    "export",
    "serve_client",
)


def _report(kind, error, trace):
    """Says of Ctrl-C that comes before a command is there to handle it what the command would."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0].replace("__main__", "kerasart")
    print(f"{name}: interrupted", file=sys.stderr)
    os._exit(130)  # Python itself would end by the signal.


sys.excepthook = _report
