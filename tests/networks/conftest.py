"""Fixtures for networks."""

import pytest

from kerasart.networks import style_network


@pytest.fixture
def any_precision(monkeypatch):
    """Lets networks be of bfloat16 where it is slow, too: only how they are loaded is tested."""
    monkeypatch.setattr(style_network, "choose_precision", lambda precision: precision)
