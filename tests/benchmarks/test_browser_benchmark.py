def test_rows_have_their_turns_and_the_table_the_best_and_the_mean():
    from benchmarks.browser import format_table, measure

    def paint(side):
        asked.append(side)
        return 0.1 * len(asked), 0.2

    asked = []
    found = measure({"page": paint}, [8, 16], rounds=3, warmups=2)
    assert asked == [8] * 5 + [16] * 5
    _, _, *rows = format_table(found).splitlines()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert cells == [
        ["8x8", "page", "0.300", "3.3", "0.200"],
        ["16x16", "page", "0.800", "1.2", "0.200"],
    ]


def test_a_visit_loads_the_page_and_what_paints_of_what_was_asked_for(tmp_path):
    from benchmarks.browser import describe_visit

    (tmp_path / "runtime").mkdir()
    for name, size in {"page.js": 1, "runtime/used": 2, "runtime/other": 4}.items():
        (tmp_path / name).write_bytes(bytes(size * 10**6))
    said = describe_visit(tmp_path, {"", "page.js", "runtime/used"})
    assert said.startswith("A first visit loads 3.0 MB, 0.00 compressed")
