import gc
import os
import weakref

from kerasart.recent import Recent, file_state, forget


class Thing:
    """What takes itself part in a cycle, as graphs do."""

    def __init__(self):
        self.itself = self


def test_what_was_used_last_is_kept_and_the_rest_is_freed():
    recent = Recent(2)
    first, second = recent("a", Thing), recent("b", Thing)
    assert recent("a", Thing) is first
    old = weakref.ref(second)
    del second
    gc.disable()
    try:
        third = recent("c", Thing)
        assert old() is None
    finally:
        gc.enable()
    assert recent("a", Thing) is first and recent("c", Thing) is third


def test_what_may_change_unseen_is_made_anew():
    recent = Recent(2)
    assert recent(("a", []), Thing) is not recent(("a", []), Thing)


def test_what_could_not_be_made_is_not_kept():
    recent = Recent(1)
    for _ in range(2):
        try:
            recent("a", lambda: 1 / 0)
        except ZeroDivisionError:
            pass
    assert recent("a", lambda: 1) == 1


def test_all_that_is_kept_can_be_let_go_of():
    recents = [Recent(1), Recent(2)]
    things = [weakref.ref(recent("a", Thing)) for recent in recents]
    gc.disable()
    try:
        forget()
        assert [thing() for thing in things] == [None, None]
    finally:
        gc.enable()
    assert [recent("a", lambda: 2) for recent in recents] == [2, 2]


def test_a_file_that_is_replaced_has_another_state(tmp_path):
    path = tmp_path / "weights.h5"
    assert file_state(path) is None
    path.write_bytes(b"a")
    before = file_state(path)
    assert file_state(path) == before
    (tmp_path / "next").write_bytes(b"b")
    os.replace(tmp_path / "next", path)
    assert file_state(path) != before
