"""Damages files, as disks and downloads do."""


def damage(data, random):
    """Changes a file in one to four places."""
    data = bytearray(data)
    for _ in range(random.integers(1, 5)):
        place, length = (int(number) for number in random.integers(0, max(1, len(data)), 2))
        # Headers are short, and matter most.
        place = place % 64 if random.random() < 0.5 else place
        length = 1 + length % 16
        kind = random.integers(0, 6)
        if kind == 0:
            data[place : place + 1] = random.bytes(1)
        elif kind == 1:
            extreme = (b"\0", b"\xff", b"\x7f", b"\x80")[random.integers(0, 4)]
            data[place : place + 4] = extreme * 4
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = random.bytes(length)
        elif kind == 4:
            del data[place:]
        else:
            data[place : place + length] = data[length : 2 * length]
    return bytes(data)
