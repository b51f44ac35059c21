"""Date, copyright, place and density, from the photo to what is made of it."""

import numpy as np
import pytest
from PIL import ExifTags, Image, features

from kerasart.image import read_picture, write_picture
from kerasart.image.encoding import add_metadata
from kerasart.image.metadata import Metadata

Base, IFD = ExifTags.Base, ExifTags.IFD
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)

needs_avif = pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")


def photo_exif(orientation=6):
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.DateTime] = "2024:06:01 12:34:56"
    exif[Base.Copyright] = "A. N. Other"
    exif[Base.Make] = "Acme"
    exif[IFD.Exif] = {
        Base.DateTimeOriginal: "2024:06:01 12:00:00",
        Base.ExifImageWidth: 16,
        Base.ColorSpace: 65535,
        Base.LensModel: "50 mm",
    }
    exif[IFD.GPSInfo] = {1: "N", 2: (52.0, 30.0, 0.0)}
    return exif


@pytest.fixture(params=[".jpg", ".png", ".webp", ".tif", pytest.param(".avif", marks=needs_avif)])
def photo(request, tmp_path):
    path = tmp_path / f"photo{request.param}"
    Image.fromarray(PIXELS).save(path, exif=photo_exif().tobytes(), dpi=(300, 300))
    return path


def check_exif(path):
    with Image.open(path) as picture:
        exif = picture.getexif()
        assert exif.get(Base.Orientation, 1) == 1
        assert exif[Base.DateTime] == "2024:06:01 12:34:56"
        assert exif[Base.Copyright] == "A. N. Other"
        details = exif.get_ifd(IFD.Exif)
        assert details[Base.DateTimeOriginal] == "2024:06:01 12:00:00"
        assert details[Base.LensModel] == "50 mm"
        assert details[Base.ColorSpace] == 1  # sRGB, as all that is written here
        assert Base.ExifImageWidth not in details
        assert exif.get_ifd(IFD.GPSInfo)[2] == (52.0, 30.0, 0.0)


@pytest.mark.parametrize(
    ("suffix", "bits"),
    [
        (".jpg", 8),
        (".png", 8),
        (".png", 16),
        (".webp", 8),
        (".tif", 8),
        (".tif", 16),
        pytest.param(".avif", 8, marks=needs_avif),
    ],
)
def test_a_photo_s_metadata_go_into_what_is_made_of_it(tmp_path, photo, suffix, bits):
    picture = read_picture(photo)
    assert picture.image.shape == (1, 16, 12, 3)  # It is upright now.
    path = tmp_path / f"made{suffix}"
    write_picture(path, picture.image, metadata=picture.metadata, bits=bits)
    check_exif(path)
    again = read_picture(path)
    assert again.image.shape == picture.image.shape  # And is not turned once more.
    assert again.metadata.exif == picture.metadata.exif or suffix == ".tif"
    if photo.suffix in (".jpg", ".png", ".tif") and suffix in (".jpg", ".png", ".tif"):
        assert again.metadata.dpi == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("suffix", [".bmp", ".gif"])
def test_other_formats_do_without(tmp_path, suffix):
    metadata = Metadata(photo_exif(1).tobytes(), (300.0, 300.0))
    write_picture(tmp_path / f"a{suffix}", PIXELS, metadata=metadata)
    read = read_picture(tmp_path / f"a{suffix}").metadata
    assert read.exif == b""
    assert read.dpi == (pytest.approx((300, 300), abs=0.1) if suffix == ".bmp" else None)


def test_how_a_tiff_lies_on_disk_is_no_metadata(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.tif", compression="tiff_lzw")
    exif = Image.Exif()
    exif.load(read_picture(tmp_path / "a.tif").metadata.exif)
    assert set(exif) <= {Base.Orientation, Base.XResolution, Base.YResolution}


def test_a_small_picture_of_the_old_pixels_is_dropped(tmp_path):
    exif = photo_exif()
    before = len(exif.tobytes())
    exif[Base.ImageResources] = bytes(20000)
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=exif)
    assert len(read_picture(tmp_path / "a.jpg").metadata.exif) <= before


@pytest.mark.parametrize("data", [b"Exif\0\0garbage", b"MM\0*"])
def test_damaged_metadata_are_dropped(tmp_path, data):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=data)
    assert read_picture(tmp_path / "a.png").metadata == Metadata()


def test_a_picture_without_any_has_none(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").metadata == Metadata(b"", None)


def test_more_than_a_jpeg_holds_is_left_out_with_a_warning(tmp_path, caplog):
    exif = photo_exif()
    exif[IFD.Exif][Base.MakerNote] = bytes(70000)
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert len(picture.metadata.exif) > 70000
    write_picture(tmp_path / "a.jpg", picture.image, metadata=picture.metadata)
    assert "bytes of EXIF data are left out" in caplog.text
    assert read_picture(tmp_path / "a.jpg").metadata.exif == b""


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_metadata_go_into_a_file_whose_pixels_stay(kind, tmp_path):
    path = tmp_path / "painted"
    Image.fromarray(PIXELS).save(path, kind)
    plain, before = path.read_bytes(), np.asarray(Image.open(path))
    assert add_metadata(plain, kind, Metadata()) == plain
    path.write_bytes(add_metadata(plain, kind, Metadata(photo_exif(1).tobytes(), (300.0, 240.0))))
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), before)
        assert picture.info["dpi"] == pytest.approx((300, 240), abs=0.02)
        assert picture.getexif()[Base.Copyright] == "A. N. Other"


def test_a_jpeg_file_without_a_density_gets_exif_data_alone(tmp_path):
    path = tmp_path / "painted"
    Image.fromarray(PIXELS).save(path, "JPEG")
    plain = path.read_bytes()
    bare = plain[:2] + plain[4 + int.from_bytes(plain[4:6]) :]
    path.write_bytes(add_metadata(bare, "JPEG", Metadata(photo_exif(1).tobytes(), (300.0, 300.0))))
    with Image.open(path) as picture:
        assert picture.getexif()[Base.Make] == "Acme"
        assert np.asarray(picture).shape == PIXELS.shape
