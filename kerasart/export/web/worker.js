// Opens the network, paints, and encodes styles. Every message in has one message out, with the same id.

let session, encoder, ort, providers;

async function open({ backend, threads }) {
  ort = await import(`./runtime/ort.${backend}.min.mjs`);
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error"; // It warns of what is as it should be on WebGPU.
  providers = { executionProviders: [backend] };
  session = await ort.InferenceSession.create("./model.onnx", providers);
}

// The style code of a painting.
async function encode({ painting }) {
  encoder ??= await ort.InferenceSession.create("./encoder.onnx", providers);
  const { style_code } = await encoder.run({ style: toTensor(readPixels(painting)) });
  return style_code.getData();
}

// Paints a bitmap at its own size. `style` is the input of that name: {name, values, shape}.
async function paint({ bitmap, style, strength }) {
  const picture = readPixels(bitmap);
  const results = await session.run({
    image: toTensor(picture),
    [style.name]: new ort.Tensor("float32", style.values, style.shape),
    strength: new ort.Tensor("float32", [strength], [1]),
  });
  const painted = await results.painted.getData(); // On WebGPU it is still on the device.
  results.painted.dispose();
  toBytes(painted, picture.data); // What was transparent stays so.
  return picture;
}

// Reads a bitmap, which is used up.
function readPixels(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

function toTensor({ data, width, height }) {
  return new ort.Tensor("float32", toFloats(data), [1, height, width, 3]);
}

function toFloats(bytes) {
  const hidden = colourUnderTransparency(bytes);
  const floats = new Float32Array((bytes.length / 4) * 3);
  for (let from = 0, to = 0; from < bytes.length; from += 4) {
    const seen = bytes[from + 3] > 0;
    for (let channel = 0; channel < 3; channel++) {
      floats[to++] = (seen ? bytes[from + channel] : hidden[channel]) / 255;
    }
  }
  return floats;
}

// The mean of what is seen: where nothing is, a canvas has black, which would darken the styles.
function colourUnderTransparency(bytes) {
  const sums = [0, 0, 0, 0];
  for (let at = 0; at < bytes.length; at += 4) {
    for (let channel = 0; channel < 4; channel++) {
      sums[channel] += (bytes[at + channel] * bytes[at + 3]) / 255;
    }
  }
  return sums.slice(0, 3).map((sum) => (sums[3] ? (sum * 255) / sums[3] : 255));
}

function toBytes(floats, bytes) {
  for (let from = 0, to = 0; from < floats.length; to += 4) {
    for (let channel = 0; channel < 3; channel++) {
      bytes[to + channel] = 255 * floats[from++]; // Clamped, and rounded to the nearest.
    }
  }
}

async function answer({ id, ...given }) {
  try {
    const act = given.backend ? open : given.painting ? encode : paint;
    const result = await act(given);
    postMessage({ id, result }, result ? [(result.data ?? result).buffer] : []);
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
}

let done = Promise.resolve();
onmessage = ({ data }) => (done = done.then(() => answer(data))); // One after the other.
