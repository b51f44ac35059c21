"""Damages files, as disks and downloads do."""

import json


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


# What no `json.dumps` writes, by the text in whose place it is put.
_UNWRITABLE = {
    "deep": "[" * 960 + "]" * 960,  # Python parses it, and can hardly show it.
    "deeper": '{"":' * 3000 + "1" + "}" * 3000,
    "long": "9" * 5000,
}
# What values are replaced by: those of other types, and extremes.
_STRANGE = (
    *(None, True, False, 0, -1, 3, 2**31, -(2**63), 10**400, 0.5, 1e-320, 1e308),
    *(float("inf"), float("-inf"), float("nan")),
    *("", "x", "nan", "1e400", "\0", "\ud800", "\n", "x" * 5000, *_UNWRITABLE),
    *([], [[]], [None], ["x", 1], [0, 0], {}, {"": None}, {"x": "y"}, {"x": {"y": [1]}}),
)


def damage_json(value, random):
    """Changes a value that JSON can hold in one to four places, and returns its text."""
    root = [_copy(value)]
    for _ in range(random.integers(1, 5)):
        places = list(_places(root))
        holder, key = places[random.integers(0, len(places))]
        kind = random.integers(0, 6)
        if kind == 0 and holder is not root:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            names = "", "x", f"{key}2", key.upper()
            holder[names[random.integers(0, len(names))]] = holder.pop(key)
        elif kind == 2:
            other, name = places[random.integers(0, len(places))]
            holder[key] = _copy(other[name])
        elif kind == 3:
            holder[key] = [holder[key]] if random.random() < 0.5 else {"x": holder[key]}
        else:
            holder[key] = _copy(_STRANGE[random.integers(0, len(_STRANGE))])
    text = json.dumps(root[0])
    for name, written in _UNWRITABLE.items():
        text = text.replace(f'"{name}"', written)
    return text


def _copy(value):
    return json.loads(json.dumps(value))


def _places(holder):
    """Yields where values are: a list or dict, with an index or a key of it."""
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])
