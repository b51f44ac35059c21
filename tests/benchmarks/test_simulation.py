import numpy as np
import pytest

from benchmarks.simulation import Clock, Cluster, Costs, Machine, Simulation, rate_of

COSTS = Costs(0.1, 0.3, 0.2, threads=4, table=1e-9, read_bytes=1000, write_bytes=3000)


def rate(costs, cluster, count=400):
    simulation = Simulation(costs, cluster, count)
    assert len(simulation.times) == count
    return rate_of(simulation.times), simulation.busy


def test_cores_are_shared_out_and_none_to_two_threads():
    clock, ends = Clock(), {}
    machine = Machine(clock, 3)

    def compute(name, seconds, threads):
        machine.compute(seconds, threads, lambda: ends.update({name: clock.now}))

    compute("one thread", 2.0, 1)
    compute("all", 6.0, 3)  # Has the two other cores for two seconds, and three from then on.
    clock.after(1.0, lambda: compute("later", 0.5, 1))  # It takes one of these for half a second.
    clock.run()
    assert ends == pytest.approx({"later": 1.5, "one thread": 2.0, "all": 2.0 + 2.5 / 3})
    assert machine.busy == pytest.approx(8.5)


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (1, 2), (2, 2)])
def test_full_cores_paint_as_many_as_they_can(cores, workers):
    found, busy = rate(COSTS, Cluster(1, cores, workers))
    assert found == pytest.approx(cores / 0.6, rel=0.03)
    assert busy["cores"] == pytest.approx(1, abs=0.03)


def test_a_slow_store_is_waited_for_unless_there_is_enough_to_paint_meanwhile():
    near, far = (rate(COSTS, Cluster(1, 1, 1, latency))[0] for latency in (0.05, 5.0))
    assert near == pytest.approx(1 / 0.6, rel=0.05)
    # Two threads read and write, each for five seconds and what it computes.
    assert far == pytest.approx(2 / 10.3, rel=0.05)


def test_bandwidth_is_that_of_each_request():
    found, _ = rate(COSTS, Cluster(1, 4, 1, bandwidth=100.0))
    assert found == pytest.approx(2 / (40 + 0.3), rel=0.05)


@pytest.mark.parametrize("name", ["driver", "object store"])
def test_what_all_workers_share_bounds_them(name):
    from dataclasses import replace

    costs = replace(COSTS, table=0.04) if name == "driver" else COSTS  # Of two rows each.
    store_rate = 100.0 if name == "object store" else 1e9
    found, busy = rate(costs, Cluster(100, 1, 1, store_rate=store_rate), 4000)
    assert found == pytest.approx(50, rel=0.03)  # What was read ahead is written at the end.
    assert max(busy, key=busy.get) == name


def test_a_rate_leaves_out_the_start():
    assert rate_of(np.array([0, 60, *np.arange(70, 76, 0.5)])) == pytest.approx(2)
