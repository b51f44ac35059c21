// The page: what is chosen, what is shown, what is saved.

import { Camera } from "./camera.js";
import { Choices } from "./choices.js";
import { takeOver } from "./offline.js";
import { Painter } from "./painter.js";
import { readPhoto, shrink, shrunkSize, Unreadable } from "./photo.js";

// Long sides in pixels, of what is shown, of what the camera sees, and of drafts. Graphics
// processors are fast.
const SHOWN = { fast: 1024, slow: 720 };
const LIVE = { fast: 640, slow: 320 };
const DRAFT = 320;
const FACE = 192; // Of the picture of a style.

const PROMPT = 400; // A picture that takes fewer milliseconds follows a slider as it is.
const LARGE = 2e6; // Pixels, after which memory is given back.
const QUALITY = 0.95; // Of JPEG.

const find = (id) => document.getElementById(id);
const painter = new Painter();

let network; // What styles.json says: see `Choices`; and least_size, most_pixels.
let choices;
let photo; // {bitmap, name, size}: the bitmap as large as it can be painted, the size of the file.
let wanted; // The long side of the picture that is to be painted next, if one is.
let isPainting = false;
let isSaving = false;
let painted = Promise.resolve(); // When all that was asked for is painted, and saved.
let camera = null;
let facing = "environment";
let last = { milliseconds: 0, pixels: 1 }; // How long a picture of how many pixels took.

// --- What is shown

const say = (text) => (find("status").textContent = text);
const warn = (text) => (find("trouble").textContent = text);
const sideOf = (sides) => (painter.isFast ? sides.fast : sides.slow);

function show(picture) {
  const canvas = find("painting");
  Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  const what = camera ? "What the camera sees" : photo.name;
  canvas.setAttribute("aria-label", `${what}, painted: ${choices.describe()}`);
}

function setPainting(value) {
  isPainting = value;
  find("picture").setAttribute("aria-busy", value);
}

/** Paints a bitmap, which is used up. */
async function paint(bitmap) {
  const begin = performance.now();
  const pixels = bitmap.width * bitmap.height;
  const picture = await painter.paint({ bitmap, ...choices.read() });
  last = { milliseconds: performance.now() - begin, pixels };
  return picture;
}

/** Paints the photo as it is chosen now; what is chosen meanwhile comes after. */
function update(side = sideOf(SHOWN)) {
  wanted = side;
  if (!isPainting && !camera) painted = paintWanted();
  return painted;
}

async function paintWanted() {
  setPainting(true);
  warn("");
  try {
    while (wanted) {
      const bitmap = await shrink(photo.bitmap, { side: wanted });
      wanted = undefined;
      say("Painting…");
      show(await paint(bitmap));
    }
    say(`Painted: ${choices.describe()}`);
  } catch (error) {
    explainFailure(error);
  }
  setPainting(false);
}

/** Paints while a slider is moved: small, where a picture takes long. */
function follow() {
  update(last.milliseconds > PROMPT ? DRAFT : sideOf(SHOWN));
}

function explainFailure(error) {
  console.warn(error);
  painter.close();
  say("");
  warn("This picture could not be painted. The device may lack memory: close other pages, and try again.");
}

/** Shows the photo in the place of the painting. */
function compare(event) {
  const isHeld = ["pointerdown", "keydown"].includes(event.type) && !find("compare").disabled;
  if (event.type === "keydown" && ![" ", "Enter"].includes(event.key)) return;
  find("photo").hidden = !isHeld;
  find("painting").hidden = isHeld;
}

// --- Photos

async function openFile(file) {
  if (!file) return;
  find("picture").setAttribute("aria-busy", true);
  warn("");
  try {
    await setPhoto(await readPhoto(file, network.least_size), file.name ?? "A cup of coffee");
  } catch (error) {
    if (error instanceof Unreadable) warn(error.message);
    else explainFailure(error);
    setPainting(isPainting);
  }
}

async function setPhoto(bitmap, name) {
  leaveCamera();
  const size = [bitmap.width, bitmap.height];
  photo = { bitmap: await shrink(bitmap, { pixels: network.most_pixels }), name, size };
  bitmap.close();
  const canvas = find("photo");
  [canvas.width, canvas.height] = shrunkSize(photo.bitmap, { side: sideOf(SHOWN) });
  canvas.getContext("2d").drawImage(photo.bitmap, 0, 0, canvas.width, canvas.height);
  listSizes();
  await update();
}

function listSizes() {
  const { width, height } = photo.bitmap;
  const seen = shrunkSize(photo.bitmap, { side: sideOf(SHOWN) });
  const isWhole = width === photo.size[0];
  const options = [new Option(`${isWhole ? "Full size" : "Largest"}, ${width} × ${height}`, "")];
  find("limit").hidden = isWhole;
  find("limit").textContent = `The photo has ${photo.size.join(" × ")}: more than a page has the memory to paint.`;
  if (seen[0] < width) options.push(new Option(`As seen, ${seen.join(" × ")}`, Math.max(...seen)));
  find("size").replaceChildren(...options);
}

/** Reads a painting, adds it to the styles, and chooses it. */
async function openPainting(file) {
  if (!file) return;
  find("picture").setAttribute("aria-busy", true);
  warn("");
  try {
    const bitmap = await readPhoto(file, network.least_size);
    const small = await shrink(bitmap, { side: network.style_size });
    const name = (file.name ?? "A painting").replace(/\.\w+$/, "").replaceAll("_", " ");
    choices.add(name, await drawFace(bitmap), await painter.encode(small));
    bitmap.close();
    if (camera) setPainting(isPainting);
    else await update();
  } catch (error) {
    if (error instanceof Unreadable) warn(error.message);
    else explainFailure(error);
    setPainting(isPainting);
  }
}

/** Draws the middle of a painting, as small as the pictures of styles: the address of a picture. */
async function drawFace(bitmap) {
  const side = Math.min(bitmap.width, bitmap.height);
  const [x, y] = [bitmap.width - side, bitmap.height - side].map((margin) => margin / 2);
  const canvas = new OffscreenCanvas(FACE, FACE);
  canvas.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, FACE, FACE);
  return URL.createObjectURL(await canvas.convertToBlob({ type: "image/jpeg" }));
}

// --- The camera

async function startCamera() {
  await painted;
  if (isSaving) return; // It was asked for meanwhile.
  warn("");
  let mine;
  try {
    mine = await Camera.open(facing, () => leaveCamera());
  } catch (error) {
    return warn(error.message);
  }
  if (isSaving) return mine.stop();
  leaveCamera(); // Of a click before this one: else it would be on for good.
  camera = mine;
  find("filming").hidden = false;
  find("turn").hidden = !(await Camera.hasOthers());
  find("camera").textContent = "Stop the camera";
  for (const name of ["save", "compare"]) find(name).disabled = true;
  say("Painting what the camera sees");
  try {
    while (camera === mine) {
      const picture = await paint(await mine.look(sideOf(LIVE)));
      if (camera === mine) show(picture);
    }
  } catch (error) {
    if (camera !== mine) return;
    leaveCamera();
    explainFailure(error);
  }
}

function leaveCamera() {
  camera?.stop();
  camera = null;
  find("filming").hidden = true;
  find("camera").textContent = "Camera";
  for (const name of ["save", "compare"]) find(name).disabled = false;
}

function stopCamera() {
  leaveCamera();
  update();
}

async function turnCamera() {
  leaveCamera();
  facing = facing === "user" ? "environment" : "user";
  await startCamera();
}

async function takePicture() {
  await setPhoto(await camera.look(), "A picture of the camera");
}

// --- Saving

function save() {
  if (isSaving) return;
  isSaving = true;
  find("camera").disabled = true; // It would begin by surprise, long after it was asked for.
  painted = painted.then(saveAsChosen);
}

async function saveAsChosen() {
  const { bitmap, name } = photo;
  const title = `${name.replace(/\.\w+$/, "")}, ${choices.describe()}`;
  setPainting(true);
  warn("");
  try {
    const picture = await paintLarge(bitmap, Number(find("size").value) || Infinity);
    show(picture);
    await download(title, hasTransparency(picture.data) ? "png" : "jpeg"); // JPEG has none.
    say(`Saved, ${picture.width} × ${picture.height}`);
    if (picture.width * picture.height > LARGE) painter.close();
  } catch (error) {
    explainFailure(error);
  }
  setPainting(false);
  isSaving = false;
  find("camera").disabled = false;
  if (wanted) update();
}

/** Paints as large as is asked for; where memory does not suffice, with half as many pixels. */
async function paintLarge(bitmap, side) {
  let pixels = bitmap.width * bitmap.height;
  for (;;) {
    const reduced = await shrink(bitmap, { pixels, side });
    const { width, height } = reduced;
    pixels = width * height;
    const seconds = Math.ceil((last.milliseconds / 1000) * (pixels / last.pixels));
    say(`Painting ${width} × ${height}: about ${seconds} s`);
    try {
      return await paint(reduced);
    } catch (error) {
      if (pixels < DRAFT ** 2) throw error;
      console.warn(error);
      painter.close();
      pixels /= 2;
    }
  }
}

function hasTransparency(bytes) {
  for (let at = 3; at < bytes.length; at += 4) if (bytes[at] < 255) return true;
  return false;
}

/** Saves what is shown: pixels, and nothing of what the photo's file says besides. */
async function download(title, format) {
  const canvas = find("painting");
  const blob = await new Promise((give) => canvas.toBlob(give, `image/${format}`, QUALITY));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${title}.${format === "png" ? "png" : "jpg"}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// --- The beginning

function listen() {
  const on = (target, events, act) => {
    for (const event of events.split(" ")) target.addEventListener(event, act);
  };
  on(find("file"), "change", ({ target }) => {
    openFile(target.files[0]);
    target.value = ""; // The same file may be chosen again.
  });
  on(find("painting-file"), "change", ({ target }) => {
    openPainting(target.files[0]);
    target.value = "";
  });
  on(find("camera"), "click", () => (camera ? stopCamera() : startCamera()));
  on(find("turn"), "click", turnCamera);
  on(find("shoot"), "click", takePicture);
  on(find("save"), "click", save);
  on(find("compare"), "pointerdown pointerup pointerleave pointercancel keydown keyup blur", compare);
  on(find("choices"), "input", ({ target }) => {
    choices.showNumbers();
    if (target.type === "range") follow();
  });
  on(find("choices"), "change", ({ target }) => {
    if (target.type !== "file" && target !== find("size")) update();
  });
  on(document, "paste", ({ clipboardData }) => openFile(clipboardData.files[0]));
  on(document, "dragover drop dragleave", (event) => {
    event.preventDefault();
    find("frame").classList.toggle("dragged", event.type === "dragover");
    if (event.type !== "drop") return;
    const isStyle = network.codes && event.target.closest?.("#styles");
    (isStyle ? openPainting : openFile)(event.dataTransfer.files[0]);
  });
}

async function begin() {
  if (!("WebAssembly" in window && "OffscreenCanvas" in window)) {
    say("");
    return warn(
      "This browser cannot paint: it is too old, or set up not to. A current Firefox, Chrome, Edge or Safari can.",
    );
  }
  say("Getting ready…");
  let sample;
  try {
    await takeOver();
    network = await (await fetch("styles.json")).json();
    sample = await (await fetch("sample.jpg")).blob();
    await painter.open();
  } catch (error) {
    console.warn(error);
    say("");
    return warn("The page could not be loaded whole. Check the connection, and open it again. A browser that is some years old cannot paint.");
  }
  choices = new Choices(network);
  listen();
  await openFile(find("file").files[0] ?? sample); // One may have been chosen already.
}

begin();
