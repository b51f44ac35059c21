"""The tools of these tests tell a good page from a bad one."""

import pytest
from pages import PHONE, find_barriers, scrolls_sideways

pytestmark = pytest.mark.browser

GOOD = """<!doctype html><html lang="en"><title>Good</title><link rel="icon" href="data:,"><main>
<h1>Good</h1><p>All can read this.</p><label>Name <input></label></main></html>"""
BAD = """<!doctype html><html lang="en"><title>Bad</title><main><h1>Bad</h1>
<input><p style="width: 500px; color: #bbb; background: #fff">Few can read this.</p></main>
<script src="elsewhere.js"></script><script>missing()</script></html>"""


@pytest.fixture(scope="module")
def site(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "good.html").write_text(GOOD)
    (folder / "bad.html").write_text(BAD)
    return serve(folder).address


def test_a_good_page(open_page, site, axe):
    page = open_page(site + "good.html", viewport=PHONE)
    assert not find_barriers(page, axe) and not scrolls_sideways(page)
    assert page.requests == [site + "good.html"] and not page.errors


def test_a_bad_page(open_page, site, axe):
    page = open_page(site + "bad.html", viewport=PHONE)
    found = " ".join(find_barriers(page, axe))
    assert "label" in found and "color-contrast" in found and scrolls_sideways(page)
    assert site + "elsewhere.js" in page.requests
    assert any("missing is not defined" in error for error in page.errors)
