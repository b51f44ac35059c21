import numpy as np
import pytest

from kerasart.image.contact_sheet import contact_sheet, contact_table

CELL = 160
MARGIN = 8
RED, GREEN = (0.8, 0.2, 0.2), (0.2, 0.6, 0.2)


def plain(colour, height=40, width=40):
    return np.full((1, height, width, 3), colour, np.float32)


def sheet_of(count, **options):
    return contact_sheet([plain(RED)] * count, [""] * count, cell=CELL, **options)


def box(where):
    """The first row, the end of the rows, the first column and the end of the columns."""
    _, rows, columns = np.nonzero(where)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def of_colour(sheet, colour):
    return (np.abs(sheet - np.float32(colour)) < 0.5 / 255 + 1e-6).all(axis=-1)


def ink(sheet):
    """Where something grey is drawn on the white."""
    return (sheet.max(axis=-1) < 0.9) & (np.ptp(sheet, axis=-1) < 1e-6)


def test_one_picture():
    sheet = contact_sheet([plain(RED, 20, 40)], ["red"], cell=CELL)
    assert sheet.dtype == np.float32
    assert sheet.shape[0] == 1
    assert sheet.shape[2:] == (CELL + 2 * MARGIN, 3)
    red = of_colour(sheet, RED)
    assert box(red) == (MARGIN, MARGIN + CELL // 2, MARGIN, MARGIN + CELL)
    assert red.sum() == CELL * CELL // 2
    top, bottom, left, right = box(ink(sheet))
    assert MARGIN + CELL // 2 < top < bottom <= sheet.shape[1] - MARGIN
    assert abs((left + right) / 2 - sheet.shape[2] / 2) <= 2


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (3, 3), (5, 5), (6, 3), (7, 3), (10, 4), (16, 4), (17, 5)]
)
def test_default_columns(count, columns):
    sheet, row = sheet_of(count), sheet_of(columns)
    assert sheet.shape[2] == MARGIN + columns * (CELL + MARGIN)
    rows = -(-count // columns)
    assert sheet.shape[1] - MARGIN == rows * (row.shape[1] - MARGIN)
    assert of_colour(sheet, RED).sum() == count * CELL**2


def test_never_more_than_five_columns_by_itself():
    assert sheet_of(30).shape[2] == sheet_of(5).shape[2]


@pytest.mark.parametrize(("columns", "width"), [(1, 1), (2, 2), (3, 3), (9, 3)])
def test_given_columns(columns, width):
    assert sheet_of(3, columns=columns).shape[2] == MARGIN + width * (CELL + MARGIN)


def test_pictures_come_row_by_row():
    images = [plain(RED), plain(GREEN), plain(GREEN), plain(RED)]
    sheet = contact_sheet(images, [""] * 4, columns=2, cell=CELL)
    x, y = MARGIN + CELL + MARGIN // 2, sheet.shape[1] // 2
    red = of_colour(sheet, RED)
    assert red[:, :y, :x].sum() == red[:, y:, x:].sum() == CELL**2
    green = of_colour(sheet, GREEN)
    assert green[:, :y, x:].sum() == green[:, y:, :x].sum() == CELL**2


def test_a_row_stands_on_one_line():
    sheet = contact_sheet([plain(RED, 40, 20), plain(GREEN, 10, 40)], ["", ""], cell=CELL)
    bottom = MARGIN + CELL
    assert box(of_colour(sheet, RED)) == (
        MARGIN,
        bottom,
        MARGIN + CELL // 4,  # centred
        MARGIN + 3 * CELL // 4,
    )
    second = MARGIN + CELL + MARGIN
    assert box(of_colour(sheet, GREEN)) == (bottom - CELL // 4, bottom, second, second + CELL)


def test_rows_are_as_low_as_their_pictures():
    tall, low = plain(RED), plain(RED, 10, 40)
    sheets = [
        contact_sheet(images, ["", ""], columns=1, cell=CELL)
        for images in ([tall, tall], [tall, low], [low, low])
    ]
    heights = [sheet.shape[1] for sheet in sheets]
    assert np.diff(heights).tolist() == [-3 * CELL // 4] * 2


def test_smaller_pictures_are_averaged():
    stripes = np.zeros((1, 320, 320, 3), np.float32)
    stripes[:, :, ::4] = 1
    sheet = contact_sheet([stripes], [""], cell=40)
    tile = sheet[0, 10:30, 10:30]
    np.testing.assert_allclose(tile, 0.25, atol=0.02)


def test_white_all_round():
    sheet = contact_sheet([plain(RED), plain(GREEN, 40, 30)], ["m" * 60, "g" * 60], cell=CELL)
    for side in (sheet[:, :MARGIN], sheet[:, -MARGIN:], sheet[:, :, :MARGIN]):
        assert (side == 1).all()
    assert (sheet[:, :, -MARGIN:] == 1).all()


def test_no_label():
    assert not ink(sheet_of(1)).any()


def with_label(label):
    return contact_sheet([plain(RED)], [label], cell=CELL)


def test_long_labels_end_in_an_ellipsis():
    sheet = with_label("a" * 100)
    lengths = [length for length in range(1, 40) if (with_label("a" * length + "…") == sheet).all()]
    assert lengths[0] > 5
    # Anything longer would be cut off at the same place, too.
    assert lengths == list(range(lengths[0], 40))
    assert all((with_label("a" * n) != sheet).any() for n in range(1, lengths[0] + 1))


@pytest.mark.parametrize(
    ("label", "same"), [("T\u00fcbingen", "Tubingen"), ("one\n two", "one two"), (" a ", "a")]
)
def test_labels_in_the_letters_of_the_font(label, same):
    assert ink(with_label(same)).any()
    np.testing.assert_array_equal(with_label(label), with_label(same))


def test_tiny_pictures():
    sheet = contact_sheet([plain(RED, 1, 1), plain(GREEN, 1, 1000)], ["", ""], cell=CELL)
    assert of_colour(sheet, RED).sum() == CELL**2
    assert of_colour(sheet, GREEN).sum() == CELL


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([], []), "`images` must hold at least one picture. Received: an empty list"),
        (([plain(RED)] * 2, ["a"]), "`labels` must be as many as `images`, 2. Received: 1"),
        (([plain(RED)], ["a"], 0), "`columns` must be at least 1. Received: columns=0"),
        (([plain(RED)], ["a"], 1, 31), "`cell` must be at least 32 pixels. Received: cell=31"),
    ],
)
def test_errors(arguments, sentence):
    with pytest.raises(ValueError) as error:
        contact_sheet(*arguments)
    assert str(error.value) == sentence


def test_errors_name_the_picture():
    with pytest.raises(ValueError, match=r"^`images\[1\]` must have shape .* Received: shape"):
        contact_sheet([plain(RED), np.zeros((4, 4))], ["a", "b"])


# --- Tables


def test_a_table_has_a_row_and_a_column_for_each_label():
    shades = [(0.1 * i, 0.9, 0.1 * j) for i in (1, 5) for j in (1, 4, 8)]
    images = [plain(shade, 20, 40) for shade in shades]
    table = contact_table(images, ["one", "two"], ["red", "green", "blue"], CELL)
    assert table.dtype == np.float32 and table.shape[0] == 1
    boxes = [box(of_colour(table, shade)) for shade in np.rint(255 * np.array(shades)) / 255]
    assert all(np.diff(each)[::2].tolist() == [CELL // 2, CELL] for each in boxes)
    tops, lefts = ([each[side] for each in boxes] for side in (0, 2))
    assert tops == [tops[0]] * 3 + [tops[3]] * 3 and tops[3] > tops[0] + CELL // 2
    assert lefts[:3] == lefts[3:] == sorted(lefts[:3])
    # Labels lie above the columns' middles and, upright, beside the rows'.
    above, beside = table[:, : tops[0]], table[:, :, : lefts[0]]
    for left in lefts[:3]:
        _, _, first, last = box(ink(above[:, :, left : left + CELL]))
        assert abs((first + last) / 2 - CELL / 2) <= 2 and last - first < CELL // 2
    for top in (tops[0], tops[3]):
        first, last, *sides = box(ink(beside[:, top : top + CELL // 2]))
        assert abs((first + last) / 2 - CELL / 4) <= 2 and last - first > sides[1] - sides[0]


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_table_needs_a_picture_for_each_place(count):
    with pytest.raises(ValueError, match="`(images|labels)` must"):
        contact_table([plain(RED)] * count, ["a", "b"], ["c", "d"])
