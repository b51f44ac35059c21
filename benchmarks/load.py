"""Asks a served model at a steady rate for minutes, with bad requests among the good ones.

    python -m benchmarks.load --model=saved_models/small/1
    python -m benchmarks.load --model=saved_models/small/1 --minutes=10 --rate=6 --batch_wait=0.5

The SavedModel is loaded by TensorFlow's C++ loader in a process of its own, which answers by REST
and puts requests of several clients into batches as TensorFlow Serving does. Requests of one
picture each, of many sizes and kinds, are sent at even intervals, whether answers have come or not,
and each is timed from when it was due. Bad ones are files and options that are to be refused. Every
answer is compared with the right one: for a good request the bytes that the model's signature
`bytes` paints of it alone, loaded by TensorFlow's Python; for a bad one its sentence, and no file.
The table has a row for each minute; memory is the server's resident memory at its end.
"""

import io
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import call_in_new_process, describe_machine, make_parser, markdown_table
from benchmarks.model_server import ServedProcess, name_of, read_signatures
from kerasart.client.transports import RestTransport

SIGNATURE = "bytes_or_error"
SIDES = 128, 192, 256, 320  # Of the pictures, in pixels.
CONNECTIONS = 32  # The most requests that are under way at once.
TIMEOUT = 60.0  # Seconds.


def main():
    """Loads the model, and prints the table."""
    options = parse_options()
    signatures = call_in_new_process(read_signatures, options.model)
    styles = call_in_new_process(count_styles, options.model)
    good, bad = make_good_requests(styles), make_bad_requests(styles)
    files = call_in_new_process(paint_alone, options.model, good)
    right = [(request, file, b"") for request, file in zip(good, files, strict=True)]
    wrong = [(request, b"", sentence) for request, sentence in bad]
    with ServedProcess(options.model, signatures, wait=options.batch_wait) as server:
        transport = RestTransport(server.address, name_of(options.model), None, TIMEOUT)
        check_all(transport, right + wrong)
        generator = np.random.default_rng(0)
        cases = []
        for _ in range(round(60 * options.minutes * options.rate)):
            kind = wrong if generator.random() < options.bad else right
            cases.append(kind[generator.integers(len(kind))])
        memory, answers = ask_steadily(transport, cases, options.rate, server.pid)
    text = (
        f"{options.model}, {options.rate:g} requests a second, {options.bad:.0%} of them bad, on "
    )
    text += f"{call_in_new_process(describe_machine)}.\n\n{format_table(answers, memory)}\n\n"
    text += summarise(answers, memory, server.sizes)
    print(text)
    if options.output:
        options.output.write_text(f"{text}\n")
    if any(not is_right for _, _, _, is_right in answers):
        sys.exit(1)


def parse_options():
    """Reads the command line."""
    parser = make_parser("benchmarks.load", __doc__)
    parser.add_argument("--model", type=Path, required=True, help="a SavedModel of named styles")
    parser.add_argument("--minutes", type=float, default=10, help="how long")
    parser.add_argument("--rate", type=float, default=6, help="requests a second")
    parser.add_argument("--bad", type=float, default=0.1, help="the share of bad requests")
    parser.add_argument(
        "--batch_wait",
        type=float,
        default=0.001,
        help="how long the first request of a batch waits for others, in seconds",
    )
    parser.add_argument("--output", type=Path, help="a file for the table, in markdown")
    return parser.parse_args()


def count_styles(model):
    """Counts the styles of a SavedModel."""
    import tensorflow as tf

    _, inputs = tf.saved_model.load(str(model)).signatures["bytes"].structured_input_signature
    return inputs["style_weights"].shape[1]


def make_good_requests(styles):
    """Makes requests of all kinds of files that are painted; each input is a batch of one."""
    requests = []
    turned = Image.Exif()
    turned[0x0112] = 6  # The orientation.
    for i, side in enumerate(SIDES):
        picture = make_picture(side, side * 3 // 4, i)
        files = [
            encode(picture, "JPEG"),
            encode(picture, "JPEG", progressive=True, exif=turned),
            encode(picture.convert("L"), "JPEG"),
            encode(picture, "PNG"),
            encode(picture.quantize(64), "PNG", exif=turned),
        ]
        for j, file in enumerate(files):
            weights = np.eye(styles, dtype=np.float32)[(i + j) % styles]
            format = b"jpeg" if j % 2 else b"png"
            requests.append(make_request(file, weights, strength=1.0 - 0.1 * j, format=format))
    return requests


def make_bad_requests(styles):
    """Makes requests that are to be refused, and the starts of their sentences."""
    picture = make_picture(160, 120, 0)
    jpeg, png = encode(picture, "JPEG"), encode(picture, "PNG")
    middle = png.index(b"IDAT") + 100
    comment = b"\xff\xfe\0\x02"  # An empty segment of a JPEG.
    of_kind, whole = "be a JPEG or PNG file", "be a whole file"
    files = [
        (b"", of_kind),
        (b"no picture", of_kind),
        (encode(picture, "GIF"), of_kind),
        (encode(picture, "WEBP"), of_kind),
        (jpeg[:-400], whole),
        (jpeg[:20], whole),
        (png[:-400], whole),
        (png[:middle] + bytes([png[middle] ^ 1]) + png[middle + 1 :], whole),
        (jpeg[:2] + comment * 1001 + jpeg[2:], "have at most 1000 segments"),
        (encode(picture.resize((3, 90)), "PNG"), "be at least"),
        (png[:16] + (2**16).to_bytes(4, "big") * 2 + png[24:], "have at most"),
        (encode(Image.new("RGBA", (64, 64), (9, 9, 9, 0)), "PNG"), "be opaque"),
    ]
    weights = np.eye(1, styles, dtype=np.float32)[0]
    options = [
        ({"strength": 2.0}, "`strength` must be from 0.0 to 1.0"),
        ({"style_weights": -weights}, "`style_weights` must be 0 or more"),
        ({"style_weights": 0 * weights}, "`style_weights` must be 0 or more"),
        ({"format": b"tiff"}, "`format` must be png or jpeg"),
    ]
    changes = [({"image_bytes": file}, f"`image_bytes` must {allowed}") for file, allowed in files]
    good = make_request(jpeg, weights, strength=1.0, format=b"png")
    return [
        (good | {name: make_column(value) for name, value in change.items()}, start.encode())
        for change, start in [*changes, *options]
    ]


def make_request(file, weights, strength, format):
    """Makes the inputs of a request."""
    inputs = {"image_bytes": file, "style_weights": weights, "strength": strength}
    return {name: make_column(value) for name, value in {**inputs, "format": format}.items()}


def make_column(value):
    """Makes a batch of one value."""
    return np.array([value], object if isinstance(value, bytes) else np.float32)


def make_picture(width, height, seed):
    """Makes smooth noise."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.BICUBIC)


def encode(picture, kind, **options):
    """Encodes a picture: the bytes of a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def paint_alone(model, requests):
    """Paints what each request asks for by the signature `bytes`: a list of files."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(model))
    paint = loaded.signatures["bytes"]
    return [
        paint(**{name: tf.constant(value) for name, value in request.items()})[
            "image_bytes"
        ].numpy()[0]
        for request in requests
    ]


def check_all(transport, cases):
    """Asks for each case once, to warm up; ends the program if an answer is not the right one."""
    for request, *expected in cases:
        outputs = transport.ask(SIGNATURE, request)
        if not is_right(outputs, *expected):
            sys.exit(f"The model must answer {expected[1]}. Received: {outputs['error'][0]}")


def is_right(outputs, file, sentence):
    """Compares an answer with the right file, or with the start of the right sentence."""
    error = outputs["error"][0]
    return (
        outputs["image_bytes"][0] == file
        and error.startswith(sentence)
        and bool(error) == (not file)
    )


def ask_steadily(transport, cases, rate, pid):
    """Sends a request at each beat.

    Returns:
        The server's resident memory in bytes, at the start and after each minute; and for each
        request the minute that it was due in, how long it took in seconds, whether it was a bad
        one, and whether the answer was right.
    """
    memory, minute = [resident_memory(pid)], 60
    start = time.perf_counter()

    def ask(number, request, file, sentence):
        due = start + number / rate
        try:
            right = is_right(transport.ask(SIGNATURE, request), file, sentence)
        except (OSError, ValueError) as error:  # No answer is a wrong one.
            print(error, file=sys.stderr)
            right = False
        return int(number / rate // minute), time.perf_counter() - due, bool(sentence), right

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = []
        for number, case in enumerate(cases):
            due = number / rate
            time.sleep(max(0.0, start + due - time.perf_counter()))
            if due >= minute * len(memory):
                memory.append(resident_memory(pid))
            asked.append(pool.submit(ask, number, *case))
        answers = [each.result() for each in asked]
    return [*memory, resident_memory(pid)], answers


def resident_memory(pid):
    """Reads how much memory a process holds, in bytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def format_table(answers, memory):
    """Makes the table, a row for each minute."""
    rows = []
    for minute in range(len(memory) - 1):
        of_minute = [each for each in answers if each[0] == minute]
        waited = [seconds for _, seconds, _, _ in of_minute]
        counts = [len(of_minute), sum(bad for _, _, bad, _ in of_minute)]
        counts.append(sum(not right for _, _, _, right in of_minute))
        percentiles = [f"{np.percentile(waited, rank):.3f}" for rank in (50, 95, 99)]
        held = f"{memory[minute + 1] / 2**20:.0f}"
        rows.append([str(minute + 1), *map(str, counts), *percentiles, held])
    header = ["minute", "requests", "bad", "wrong answers", "50th %, s", "95th %, s", "99th %, s"]
    return markdown_table([*header, "memory, MB"], rows)


def summarise(answers, memory, sizes):
    """Says in a line what the table adds up to."""
    wrong = sum(not right for _, _, _, right in answers)
    growth = (memory[-1] - memory[min(1, len(memory) - 1)]) / 2**20
    return (
        f"{len(answers)} requests, {wrong} wrong answers; {growth:+.0f} MB from the end of the "
        f"first minute to that of the last; {np.mean(sizes):.2f} requests in a batch, "
        f"{max(sizes)} in the largest."
    )


if __name__ == "__main__":
    main()
