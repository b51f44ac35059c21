import signal
import threading

import pytest

from kerasart.interrupts import defer_interrupts


@pytest.fixture(autouse=True)
def handlers():
    """Gives Ctrl-C its usual handler, and afterwards both signals what they had."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_ctrl_c_is_pending_until_it_is_raised():
    with pytest.raises(KeyboardInterrupt):
        with defer_interrupts() as raise_pending:
            raise_pending()  # Nothing has come yet.
            signal.raise_signal(signal.SIGINT)
            held = True
            raise_pending()
    assert held


def test_a_second_ctrl_c_goes_through_at_once():
    passed = []
    with pytest.raises(KeyboardInterrupt):
        with defer_interrupts():
            signal.raise_signal(signal.SIGINT)
            passed.append(1)
            signal.raise_signal(signal.SIGINT)
            passed.append(2)
    assert passed == [1]


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_handlers_are_given_back(error):
    try:
        with defer_interrupts():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_interrupt_is_forgotten_by_the_next():
    with pytest.raises(KeyboardInterrupt):
        with defer_interrupts() as raise_pending:
            signal.raise_signal(signal.SIGINT)
            raise_pending()
    with defer_interrupts() as raise_pending:
        raise_pending()


def test_a_held_ctrl_c_is_not_lost_at_the_end():
    # As when it comes in the last step of all.
    with pytest.raises(KeyboardInterrupt):
        with defer_interrupts():
            signal.raise_signal(signal.SIGINT)


def test_someone_elses_handlers_are_left_alone():
    came = []

    def own(number, frame):
        came.append(number)

    signal.signal(signal.SIGINT, own)
    with defer_interrupts() as raise_pending:
        assert signal.getsignal(signal.SIGINT) is own
        signal.raise_signal(signal.SIGINT)
        raise_pending()
    assert came == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is own


def test_a_termination_that_would_kill_still_does():
    with defer_interrupts():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_termination_that_raises_is_held_too():
    # As a program that saves its work when it is terminated would set it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    passed = []
    with pytest.raises(KeyboardInterrupt):
        with defer_interrupts() as raise_pending:
            signal.raise_signal(signal.SIGTERM)
            passed.append(1)
            raise_pending()
    assert passed == [1]
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


def test_other_threads_touch_no_handler():
    seen = []

    def work():
        with defer_interrupts() as raise_pending:
            seen.append(signal.getsignal(signal.SIGINT))
            raise_pending()
        seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler] * 2
