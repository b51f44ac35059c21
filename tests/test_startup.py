import gc
import importlib
import os
import subprocess
import sys

import pytest

from kerasart.startup import import_tensorflow, quiet_startup

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# As TensorFlow 2.21 and 2.18 write them.
FIRST = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
NOTE = "I0000 00:00:1795981494.253711    6778 port.cc:153] oneDNN custom operations are on.\n"
OLD_NOTE = (
    "2025-01-01 10:00:00.123456: I tensorflow/core/util/port.cc:153] oneDNN operations are on.\n"
)
WARNING = (
    "W0000 00:00:1795981494.253711    6778 gpu_device.cc:1] Cannot dlopen some GPU libraries.\n"
)
ERROR = "E0000 00:00:1795981494.253711    6778 cuda_fft.cc:477] Unable to register cuFFT factory\n"
END = "F0000 00:00:1795981494.253711    6778 x.cc:1] Check failed\n"
OTHERS = "I am no line of a log.\nRuntimeWarning: something\nno end of line"
ALL = FIRST + NOTE + OLD_NOTE + WARNING + ERROR + END + OTHERS


@pytest.fixture
def no_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.delenv(LEVEL, raising=False)


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        (None, END + OTHERS),
        ("0", ALL),
        ("1", FIRST + WARNING + ERROR + END + OTHERS),
        ("2", ERROR + END + OTHERS),
        ("9", OTHERS),
        ("much", ALL),
    ],
)
def test_log_lines_below_the_level_are_left_out(no_tensorflow, monkeypatch, capfd, level, seen):
    if level is not None:
        monkeypatch.setenv(LEVEL, level)
    with quiet_startup():
        os.write(2, ALL.encode())
    assert capfd.readouterr().err == seen
    assert os.environ[LEVEL] == (level or "3")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_where_the_import_fails_all_is_seen(no_tensorflow, capfd):
    with pytest.raises(ImportError), quiet_startup():
        os.write(2, ALL.encode())
        raise ImportError
    assert capfd.readouterr().err == ALL


def test_ctrl_c_is_no_failure_that_a_log_explains(no_tensorflow, capfd):
    with pytest.raises(KeyboardInterrupt), quiet_startup():
        os.write(2, ALL.encode())
        raise KeyboardInterrupt
    assert capfd.readouterr().err == END + OTHERS


@pytest.mark.parametrize("package", ["networks", "objectives", "optimization"])
def test_packages_import_quietly(no_tensorflow, package):
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    command = [sys.executable, "-c", f"import kerasart.{package}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == done.stderr == ""


def test_a_tensorflow_that_is_imported_is_left_as_it_is(no_tensorflow, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    with quiet_startup():
        os.write(2, NOTE.encode())
        assert capfd.readouterr().err == NOTE
    assert LEVEL not in os.environ


def test_without_a_standard_error_there_is_nothing_to_hide(no_tensorflow, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with quiet_startup():
        assert LEVEL not in os.environ


def test_what_an_import_leaves_is_not_looked_through_for_garbage():
    code = """
import gc, sys
from kerasart.startup import import_tensorflow
before = gc.get_stats()[2]["collections"]
import_tensorflow()
assert {"tensorflow", "keras"} <= set(sys.modules)
assert gc.isenabled() and gc.get_stats()[2]["collections"] == before
assert gc.get_freeze_count() > 100_000
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_import_that_fails_leaves_the_collector_on(no_tensorflow, monkeypatch, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('a library is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    frozen = []
    monkeypatch.setattr("gc.freeze", lambda: frozen.append(True))
    with pytest.raises(ImportError, match="a library is missing"):
        import_tensorflow()
    assert gc.isenabled() and not frozen


def test_what_keras_would_plot_with_is_imported_only_by_who_wants_it(
    no_tensorflow, monkeypatch, tmp_path
):
    (tmp_path / "tensorflow.py").write_text("""
import pandas
try:
    import matplotlib
    has_plots = True
except ImportError:
    has_plots = False
""")
    for name in ("matplotlib", "pandas"):
        (tmp_path / f"{name}.py").touch()
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("gc.freeze", lambda: None)
    pandas = importlib.import_module("pandas")  # Whoever imported it already keeps it.
    import_tensorflow()
    assert not sys.modules["tensorflow"].has_plots
    assert sys.modules["pandas"] is pandas
    assert importlib.import_module("matplotlib").__file__ == str(tmp_path / "matplotlib.py")


def test_who_only_called_kerasart_sees_nothing_of_tensorflow():
    code = """
import numpy as np
import kerasart
photo = np.zeros((32, 32, 3), np.uint8)
kerasart.stylize(photo, "mosaic", "small")
"""
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
