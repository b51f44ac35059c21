"""Runs a script again and again: in the folder and with the flags that each line of input holds."""

import contextlib
import importlib
import io
import json
import os
import sys
import traceback

from absl import flags

name = sys.argv[1]
script = importlib.import_module(f"kerasart.scripts.{name}")
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    folder, arguments = json.loads(line)
    os.chdir(folder)
    flags.FLAGS.unparse_flags()
    for flag in flags.FLAGS:
        flags.FLAGS[flag].unparse()
    sys.argv = [f"{name}.py", *arguments]
    code, out, err = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            script.run()
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
            code = 1
    print(json.dumps([code, out.getvalue(), err.getvalue()]), file=replies, flush=True)
