import numpy as np
import pytest
from benchmark_runs import run_benchmark
from test_benchmarks import rows_in


def test_it_runs_without_a_gpu(forks):
    flags = ["--precisions=float32", "--sizes=32x48", "--only=dream,one pass"]
    printed = run_benchmark(forks, "gpu", "--quick", *flags)
    header, _, *rows = rows_in(printed)
    assert header == ["work", "height x width", "by", "in", "seconds", "x PyTorch"]
    ours = [row for row in rows if row[2] == "kerasart on TensorFlow"]
    assert [row[:2] for row in ours] == [["dream", "32x48"], ["one pass", "32x48"]]
    assert all(float(row[4]) > 0 for row in ours)


def test_who_ends_is_named_and_the_others_are_compared(monkeypatch):
    from benchmarks import gpu

    class Contestant:
        def __init__(self, seconds):
            self.seconds = seconds

        def __call__(self, method, *arguments):
            assert (method, arguments) == ("paint", ((8, 8),))
            if self.seconds is None:
                raise EOFError

        def close(self):
            closed.append(self.seconds)

    def time_interleaved(calls, rounds, warmups):
        return {name: [call.args[-1].seconds] * rounds for name, call in calls.items()}

    closed = []
    monkeypatch.setattr(gpu, "time_interleaved", time_interleaved)
    makers = {
        (gpu.TENSORFLOW, "float32"): lambda: Contestant(0.5),
        (gpu.JAX, "float32"): lambda: Contestant(None),
        (gpu.TORCH, "float32"): lambda: Contestant(1.5),
    }
    rows = gpu.compare("one pass", (8, 8), makers, 2)
    assert [row[4:] for row in rows] == [["0.5000", "3.00"], ["ended", "-"], ["1.5000", "1.00"]]
    assert closed == [0.5, None, 1.5]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_dream_the_same_step(precision, tmp_path):
    torch = pytest.importorskip("torch")
    from benchmarks.gpu import OurDream, TorchDream
    from benchmarks.style_transfer import write_weights

    torch.manual_seed(0)
    write_weights(tmp_path / "vgg19")
    arguments = precision, (32, 40), tmp_path / "vgg19"
    ours, theirs = OurDream(*arguments), TorchDream(*arguments)
    ours.take(1)
    theirs.take(1)
    found = theirs.image.permute(0, 2, 3, 1).numpy() - np.asarray(ours.state.image)
    assert np.abs(found).mean() < (1e-5 if precision == "float32" else 2e-3)
