"""`choose_precision`, the precision of convolutions, and the machine's capabilities."""

import os
from pathlib import Path
from typing import Any

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

PRECISIONS = ("auto", "float32", "bfloat16")


def choose_precision(precision: str = "auto") -> str:
    """Resolves `precision` for this machine.

    bfloat16 is faster on machines that have instructions for it; on others, where it is far slower,
    it is refused. On other backends than TensorFlow "auto" means float32, and bfloat16 is always
    allowed.

    Args:
        precision: "auto", "float32" or "bfloat16".

    Returns:
        "float32" or "bfloat16".

    Raises:
        ValueError: If `precision` is none of these, or is bfloat16 where that is slow.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. Received: {precision!r}"
        )
    if precision == "float32":
        return precision
    if keras.backend.backend() != "tensorflow":
        return "float32" if precision == "auto" else precision
    fast = _gpu_has_bfloat16() if gpus() else _cpu_has_bfloat16()
    if precision == "bfloat16" and not fast:
        raise ValueError(
            "`precision` must be auto or float32 on this machine, which has no fast bfloat16 "
            "convolutions (AVX512-BF16 or AMX with oneDNN, or a GPU with compute capability 8.0). "
            "Received: 'bfloat16'"
        )
    return "bfloat16" if fast else "float32"


def processor_flags() -> str:
    """Reads Linux's description of the processor; empty on other systems."""
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def has_onednn() -> bool:
    """Tells whether TensorFlow uses oneDNN on this processor."""
    setting = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower()
    if setting in ("0", "1", "false", "true"):
        return setting in ("1", "true")
    # TensorFlow's default.
    return any(flag in processor_flags() for flag in ("avx512_vnni", "avx_vnni", "_bf16", "amx_"))


def _cpu_has_bfloat16():
    # TensorFlow's own bfloat16 kernels, without oneDNN, are far slower than float32.
    flags = processor_flags()
    return has_onednn() and ("avx512_bf16" in flags or "amx_bf16" in flags)


def _gpu_has_bfloat16():
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus()]
    return all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details)


def gpus() -> list[Any]:
    """Lists the GPUs that TensorFlow sees."""
    return tf.config.list_physical_devices("GPU")
