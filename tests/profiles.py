"""Makes ICC profiles."""

import struct


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def profile(space, connection, tags):
    """A minimal ICC profile."""
    offset = 128 + 4 + 12 * len(tags)
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(contents), len(content))
        contents += content
    header = struct.pack(">I4xI4s4s4s12x4s28x", 0, 0x02400000, b"mntr", space, connection, b"acsp")
    header += fixed(0.9642, 1, 0.8249)
    header = header.ljust(128, b"\0")
    return struct.pack(">I", offset + len(contents)) + header[4:] + table + contents


def xyz(*numbers):
    return b"XYZ \0\0\0\0" + fixed(*numbers)


# Values are proportional to light, where those of sRGB are bent.
LINE = b"curv" + bytes(8)
WHITE = xyz(0.9642, 1, 0.8249)
LINEAR_RGB = profile(
    b"RGB ",
    b"XYZ ",
    {
        b"wtpt": WHITE,
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": LINE,
        b"gTRC": LINE,
        b"bTRC": LINE,
    },
)
