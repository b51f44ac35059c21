"""Simulates many photos on many workers, from what one photo costs on this machine.

    python -m benchmarks.simulation --photos=DIR
    python -m benchmarks.simulation --photos=DIR --count=200 --model=small --size=256
    python -m benchmarks.simulation --photos=DIR --store_rate=3500 --price=0.05

First it measures, on this machine: the processor's seconds to read, paint and write a photo, and
how many cores painting keeps busy; and the driver's, for each table of one row that workers send
which paint nothing. `paint_many` paints the photos with one worker and with two, and so does the
simulation: the last column of the first table is what it finds, relative to what was measured. The
second table are clusters of machines like this one, and what is busiest in each; the third is time
and cost for up to a thousand million photos, by arithmetic from the rates of the second. An object
store's latency, bandwidth and requests a second, and the price of an hour of a core, are
assumptions, to be given as they are where you are.
"""

import heapq
import itertools
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import (
    call_in_new_process,
    describe_machine,
    make_parser,
    markdown_table,
)

# As in `kerasart.scale`: photos that a worker takes at once, what it reads ahead, its threads; the
# seconds between two tables of rows, and how many of these the driver gets a second.
AT_ONCE, AHEAD, THREADS, PERIOD, MOST_TOLD = 32, 4, 2, 1.0, 100
WARM_UP = 0.25  # The part of the rows before which a rate is not measured.
CLUSTERS = (1, 4, 16, 64, 250, 1000)
COUNTS = (10**3, 10**6, 10**9)
MOST = 300_000  # Photos that are simulated.
ROWS = 400  # Photos of a few pixels, by which the driver is measured.


@dataclass(frozen=True)
class Costs:
    """What one photo costs.

    Attributes:
        read, paint, write: Seconds of a core to decode it, to paint it, to encode the painting.
        threads: How many cores painting keeps busy when it has them.
        table: Seconds of the driver for each table of rows.
        read_bytes, write_bytes: The sizes of the files.
    """

    read: float
    paint: float
    write: float
    threads: float
    table: float
    read_bytes: float
    write_bytes: float


@dataclass(frozen=True)
class Cluster:
    """Machines, the store that they read from and write to, and one driver.

    A single machine has the driver, too; of several it has one for itself.

    Attributes:
        machines, cores, workers: How many; cores and workers of each machine.
        latency: Seconds until the store answers a request.
        bandwidth: Bytes a second of one request.
        store_rate: Requests a second that the store takes in all.
    """

    machines: int
    cores: int
    workers: int
    latency: float = 0.0
    bandwidth: float = float("inf")
    store_rate: float = float("inf")


class Clock:
    """Calls functions at their times, in order of time."""

    def __init__(self):
        self.now = 0.0
        self._events = []
        self._numbers = itertools.count()

    def after(self, seconds, call):
        """Calls a function in so many seconds."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), call))

    def run(self):
        """Lets time pass until nothing is left to call."""
        while self._events:
            self.now, _, call = heapq.heappop(self._events)
            call()


class Line:
    """A server that serves one after another.

    Attributes:
        busy: The seconds for which it was.
    """

    def __init__(self, clock):
        self._clock = clock
        self._free = 0.0
        self.busy = 0.0

    def serve(self, seconds, then):
        """Serves a request that takes so long, and calls a function when it is done."""
        self._free = max(self._free, self._clock.now) + seconds
        self.busy += seconds
        self._clock.after(self._free - self._clock.now, then)


@dataclass
class Machine:
    """Cores that are shared out evenly among what is computed; no more than one to one thread.

    Attributes:
        clock: The `Clock`.
        cores: How many.
        busy: The seconds of its cores that were used.
    """

    clock: Clock
    cores: int
    busy: float = 0.0
    _running: list = field(default_factory=list)  # [seconds left, threads, then]
    _since: float = 0.0
    _turn: int = 0

    def compute(self, seconds: float, threads: float, then: Callable[[], None]) -> None:
        """Computes what takes a core so long, and calls a function when it is done."""
        self._advance()
        self._running.append([seconds, threads, then])
        self._plan()

    def _rates(self):
        """How many cores each has."""
        rates, left = [0.0] * len(self._running), float(self.cores)
        by_threads = sorted(range(len(rates)), key=lambda i: self._running[i][1])
        for place, i in enumerate(by_threads):  # Who can use few leaves the rest to the others.
            rates[i] = min(self._running[i][1], left / (len(rates) - place))
            left -= rates[i]
        return rates

    def _advance(self):
        passed = self.clock.now - self._since
        for job, rate in zip(self._running, self._rates(), strict=True):
            job[0] -= rate * passed
            self.busy += rate * passed
        self._since = self.clock.now

    def _plan(self):
        """Waits for the next that is done, unless something else comes before."""
        self._turn += 1
        if self._running:
            pairs = zip(self._running, self._rates(), strict=True)
            wait = min(max(job[0], 0.0) / rate for job, rate in pairs)
            self.clock.after(wait, lambda turn=self._turn: self._finish(turn))

    def _finish(self, turn):
        if turn != self._turn:
            return
        self._advance()
        first = min(range(len(self._running)), key=lambda i: self._running[i][0])
        then = self._running.pop(first)[2]
        self._plan()
        then()


class SimulatedWorker:
    """A worker: two threads read ahead and write behind, while it paints (see `stream`).

    Args:
        machine: Its `Machine`.
        simulation: The `Simulation`.
    """

    def __init__(self, machine, simulation):
        self._machine, self._simulation = machine, simulation
        self._threads, self._waiting = THREADS, deque()
        self._to_read = self._reading = self._read = self._left = self._untold = 0
        self._is_painting, self._since = False, 0.0

    def start(self):
        """Takes the next photos, if some are left."""
        self._to_read = self._left = self._simulation.take()
        self._since = self._simulation.now
        self._read_ahead()

    def _read_ahead(self):
        while self._to_read and self._reading + self._read < AHEAD:
            self._to_read -= 1
            self._reading += 1
            self._in_thread(self._begin_read)

    def _in_thread(self, begin):
        """Begins with something once a thread is free."""
        self._waiting.append(begin)
        self._next()

    def _next(self):
        while self._threads and self._waiting:
            self._threads -= 1
            self._waiting.popleft()()

    def _free(self):
        self._threads += 1
        self._next()

    def _begin_read(self):
        costs = self._simulation.costs
        decode = lambda: self._machine.compute(costs.read, 1, self._end_read)  # noqa: E731
        self._simulation.ask_store(costs.read_bytes, decode)

    def _end_read(self):
        self._reading -= 1
        self._read += 1
        self._free()
        self._paint()

    def _paint(self):
        if self._is_painting or not self._read:
            return
        self._read -= 1
        self._is_painting = True
        costs = self._simulation.costs
        self._machine.compute(costs.paint, costs.threads, self._end_paint)
        self._read_ahead()

    def _end_paint(self):
        self._is_painting = False
        self._in_thread(self._begin_write)
        self._paint()

    def _begin_write(self):
        costs = self._simulation.costs
        send = lambda: self._simulation.ask_store(costs.write_bytes, self._end_write)  # noqa: E731
        self._machine.compute(costs.write, 1, send)

    def _end_write(self):
        self._free()
        self._left -= 1
        self._untold += 1
        now = self._simulation.now
        if not self._left or now - self._since >= self._simulation.period:
            self._simulation.tell_driver(self._untold)
            self._untold, self._since = 0, now
        if not self._left:
            self.start()


class Simulation:
    """Photos painted by the workers of a cluster, event by event.

    Args:
        costs: The `Costs` of a photo.
        cluster: The `Cluster`.
        count: The number of photos.
        at_once: How many of them a worker takes at once; None for what `paint_many` gives it.

    Attributes:
        costs: As above.
        period: The least seconds between two tables of a worker.
        times: When the driver took each row, in seconds.
        busy: Dict of what there is to the part of the time for which it was busy.
    """

    def __init__(self, costs, cluster, count, at_once=None):
        self.costs, self._cluster = costs, cluster
        self._clock = Clock()
        self._store = Line(self._clock)
        self._tables, self._told, self._telling = deque(), 0.0, 0.0
        workers = cluster.machines * cluster.workers
        self._untaken = count
        self.period = max(PERIOD, workers / MOST_TOLD)
        self._at_once = at_once or max(1, min(AT_ONCE, count // (workers * 16)))
        self.times = []
        machines = [Machine(self._clock, cluster.cores) for _ in range(cluster.machines)]
        self._driver = machines[0] if len(machines) == 1 else Machine(self._clock, cluster.cores)
        for machine in machines:
            for _ in range(cluster.workers):
                SimulatedWorker(machine, self).start()
        self._clock.run()
        end = self._clock.now
        cores = end * cluster.cores * cluster.machines
        self.busy = {
            "cores": sum(machine.busy for machine in machines) / cores,
            "object store": self._store.busy / end,
            "driver": self._told / end,
        }

    def take(self):
        """Gives a worker its next photos: how many."""
        taken = min(self._at_once, self._untaken)
        self._untaken -= taken
        return taken

    def ask_store(self, size, then):
        """Lets the store answer a request of so many bytes, and calls a function then."""
        cluster = self._cluster
        wait = cluster.latency + size / cluster.bandwidth
        self._store.serve(1 / cluster.store_rate, lambda: self._clock.after(wait, then))

    @property
    def now(self):
        """The time, in seconds."""
        return self._clock.now

    def tell_driver(self, rows):
        """Sends the driver a table of so many rows, of which it takes one after another."""
        self._tables.append(rows)
        if len(self._tables) == 1:
            self._take_table()

    def _take_table(self):
        self._telling = self.now
        self._driver.compute(self.costs.table, 1, self._end_table)

    def _end_table(self):
        self.times += [self.now] * self._tables.popleft()
        self._told += self.now - self._telling
        if self._tables:
            self._take_table()


def rate_of(times):
    """Returns the rows a second, after what warms up, of the times at which they came."""
    times = np.sort(times)
    first = int(len(times) * WARM_UP)
    return (len(times) - 1 - first) / (times[-1] - times[first])


def main():
    """Measures, simulates, and prints the tables."""
    options = parse_options()
    print(f"{options.model}, on {call_in_new_process(describe_machine)}.", end="\n\n", flush=True)
    with TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        copy_photos(options.photos, photos, options.count)
        arguments = photos, options.model, options.style, options.size
        # In turns with what it is compared with: machines are not always equally fast.
        costs, measured = [call_in_new_process(measure_photo, *arguments)], []
        for workers in (1, 2):
            output = Path(folder) / f"painted_{workers}"
            measured.append(call_in_new_process(paint, *arguments, output, workers))
            costs.append(call_in_new_process(measure_photo, *arguments))
        costs = Costs(*np.mean([astuple(each) for each in costs], axis=0).tolist())
        costs = replace(costs, table=call_in_new_process(measure_driver, Path(folder)))
        print(
            f"One photo takes a core {costs.read:.3f} s to read, {costs.paint:.3f} to paint (by "
            f"{costs.threads:.2f} at a time), {costs.write:.3f} to write; a table of rows takes "
            f"the driver {1000 * costs.table:.1f} ms.",
            end="\n\n",
            flush=True,
        )
        rows = []
        for workers, rate in enumerate(measured, 1):
            cluster = Cluster(1, options.cores, workers)
            found = rate_of(Simulation(costs, cluster, options.count).times)
            rows.append([f"{workers}", f"{rate:.2f}", f"{found:.2f}", f"{found / rate:.2f}"])
    header = ["workers", "photos/s, measured", "simulated", "ratio"]
    print(markdown_table(header, rows), end="\n\n", flush=True)
    rates = {}
    rows = []
    for machines in CLUSTERS:
        store = options.latency, options.bandwidth, options.store_rate
        cluster = Cluster(machines, options.cores, 2, *store)
        count = min(4 * AT_ONCE * cluster.workers * machines, MOST)
        simulation = Simulation(costs, cluster, count, AT_ONCE)  # As of a million.
        rates[machines] = count / max(simulation.times)
        busiest = max(simulation.busy, key=simulation.busy.get)
        share = f"{busiest}, {100 * simulation.busy[busiest]:.0f}%"
        rows.append([str(machines), f"{rates[machines]:.1f}", share])
    print(markdown_table(["machines", "photos/s", "busiest"], rows), end="\n\n", flush=True)
    print(format_counts(rates, options))


def format_counts(rates, options):
    """Formats what numbers of photos take: hours, and what they cost, on each cluster."""
    rows = []
    for count in COUNTS:
        for machines, rate in rates.items():
            hours = (options.start + count / rate) / 3600
            price = hours * machines * options.cores * options.price
            rows.append([f"{count:,}", str(machines), f"{hours:,.2f}", f"{price:,.2f}"])
    return markdown_table(["photos", "machines", "hours", "price"], rows)


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.simulation", __doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos")
    parser.add_argument("--count", type=int, default=400, help="how many are painted (400)")
    parser.add_argument("--model", default="medium", help="the network (medium)")
    parser.add_argument("--style", default="mosaic", help="its style (mosaic)")
    parser.add_argument("--size", type=int, default=512, help="long side (512)")
    parser.add_argument("--cores", type=int, default=2, help="of each machine (2, of this one)")
    store = "of the object store, an assumption"
    parser.add_argument("--latency", type=float, default=0.05, help=f"seconds {store} (0.05)")
    parser.add_argument("--bandwidth", type=float, default=5e7, help=f"bytes/s {store} (5e7)")
    parser.add_argument("--store_rate", type=float, default=3500, help=f"requests/s {store} (3500)")
    parser.add_argument("--start", type=float, default=60, help="seconds until all paint (60)")
    parser.add_argument("--price", type=float, default=0.04, help="of an hour of a core (0.04)")
    return parser.parse_args()


def copy_photos(source, folder, count):
    """Fills a folder with so many photos of another, over and over."""
    from kerasart.image.photos import find_photos

    folder.mkdir()
    for number, path in zip(range(count), itertools.cycle(find_photos(str(source))), strict=False):
        shutil.copy(path, folder / f"{number}{Path(path).suffix}")


def measure_photo(folder, model, style, size):
    """Measures the `Costs` of a photo, all but the driver's."""
    from kerasart.image.files import decode_picture
    from kerasart.scale.painting import OnePass, encode_painted

    painting = OnePass(model, style, size=size).sharing(1.0, None)
    painting.load()
    seconds, sizes = [], []
    for path in sorted(folder.iterdir())[:64]:
        stamps, data = [stamp()], path.read_bytes()
        photo = painting.prepare(decode_picture(data, path.name, None))
        stamps.append(stamp())
        (painted,) = painting.paint([photo])
        stamps.append(stamp())
        encoded = encode_painted(painting, path.name, photo, painted)
        stamps.append(stamp())
        seconds.append(np.diff(stamps, axis=0))
        sizes.append((len(data), len(encoded)))
    # Without the first ones, which are traced. Means, since the sum is what takes time.
    of_core, elapsed = np.mean(seconds[4:], axis=0).T.tolist()
    threads = of_core[1] / elapsed[1]
    return Costs(*of_core, threads, 0.0, *np.mean(sizes, axis=0).tolist())


def stamp():
    """Returns seconds of the processor, and of the clock."""
    return time.process_time(), time.perf_counter()


class Nothing:
    """A `PhotoPainter` that leaves photos as they are."""

    bits, max_pixels, keeps_metadata = 8, None, False

    def identity(self):
        """See `PhotoPainter`."""
        return {}

    def portable(self):
        """See `PhotoPainter`."""
        return self

    def sharing(self, share, threads):
        """See `PhotoPainter`."""
        return self

    def load(self):
        """See `PhotoPainter`."""

    def prepare(self, photo):
        """See `PhotoPainter`."""
        return photo

    def paint(self, photos):
        """See `PhotoPainter`."""
        return [(photo.image, {}) for photo in photos]


def measure_driver(folder):
    """Measures the seconds that a table takes at most when workers have next to nothing to do."""
    from ray import cloudpickle

    from benchmarks import simulation
    from kerasart.image import write_picture

    cloudpickle.register_pickle_by_value(simulation)  # Workers do not have the benchmarks.
    tiny = folder / "tiny"
    tiny.mkdir()
    for number in range(ROWS):
        write_picture(tiny / f"{number}.png", np.full((1, 8, 8, 3), number / ROWS, np.float32))
    return 1 / _paint(tiny, simulation.Nothing(), folder / "tiny_painted", 2, period=0.0)


def paint(folder, model, style, size, output, workers):
    """Paints photos with so many workers; returns photos a second."""
    from kerasart.scale.painting import OnePass

    return _paint(folder, OnePass(model, style, size=size), output, workers)


def _paint(folder, painting, output, workers, **options):
    from kerasart.scale.many import paint_many
    from kerasart.scale.plan import plan
    from kerasart.scale.stores import open_store

    output.mkdir()
    work = plan(open_store(str(folder)), open_store(str(output)), painting)
    times = []
    for row in paint_many(work, workers=workers, **options):
        assert row["reason"] is None, row["reason"]
        times.append(time.perf_counter())
    return rate_of(times)


if __name__ == "__main__":
    main()
