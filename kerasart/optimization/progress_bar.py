"""A progress bar of steps, for terminals and notebooks."""

from kerasart.optimization.result import Progress


class ProgressBar:
    """A bar of steps with the picture's size and its losses; it goes when all steps are taken.

    It is what `on_step` takes: `kerasart.deep_dream(photo, on_step=kerasart.ProgressBar())`.

    Args:
        waiting: What is waited for until the first step.
        disable: Whether to show nothing; None shows nothing where there is no terminal.
    """

    def __init__(
        self, waiting: str = "Loading TensorFlow and the network", disable: bool | None = False
    ):
        # Of a kind for notebooks in one; it warns there if it lacks what it needs.
        from tqdm.auto import tqdm

        self._make = lambda **options: tqdm(disable=disable, leave=False, **options)
        self._bar = self._make(desc=waiting, bar_format="{desc} ...")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._bar.close()

    def __call__(self, progress: Progress) -> None:
        """Shows a `Progress`."""
        if self._bar.total != progress.steps or progress.step <= self._bar.n:
            self._bar.close()
            self._bar = self._make(total=progress.steps, unit="step")
        height, width = progress.size
        losses = {"total": sum(progress.losses.values()), **progress.losses}
        losses = {name: f"{value:.4g}" for name, value in losses.items()}
        self._bar.set_description(f"{width}x{height}", refresh=False)
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(progress.step - self._bar.n)
        if progress.step == progress.steps:
            self._bar.close()

    def show_tile(self, done: int, count: int) -> None:
        """Shows how many looks at tiles of the step under way were taken."""
        if self._bar.total is None:
            self._bar.set_description_str(f"The first step: tile {done} of {count}")
        elif done < count:
            size = self._bar.desc.partition(",")[0].rstrip(": ")
            self._bar.set_description(f"{size}, tile {done}/{count}")
