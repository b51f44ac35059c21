"""What is asked of every page."""

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


def find_barriers(page, axe):
    """Lists what of a page, as it is shown now, axe-core finds hard to use for somebody.

    Args:
        page: Playwright's page.
        axe: The source of axe-core, from the fixture of that name.
    """
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10
    return [f"{each['id']}: {each['nodes'][0]['target']}" for each in found["violations"]]


def scrolls_sideways(page):
    """Whether a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")
