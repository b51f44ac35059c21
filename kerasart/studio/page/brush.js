// Paints masks over a photo: white strokes on nothing, kept for each mask by its name.

import {loadImage} from "./api.js";

const MOST = 1024;  // Pixels of a mask's long side.
const MOST_UNDO = 12;
const SAME_SHAPE = 0.02;  // By how much a side may be another: by rounding.
const COLOURS = ["#e6007e", "#00c2a8", "#ffd000"];

export class Brush {
  // `canvas` lies over `picture`, an image that shows all of its frame's height or width.
  constructor(canvas, picture) {
    this.canvas = canvas;
    this.picture = picture;
    this.context = canvas.getContext("2d", {willReadFrequently: true});
    this.erases = false;
    this.share = 0.12;  // Of the long side: the brush's width.
    this.colour = 0;
    this.undone = [];
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.place()).observe(picture);
  }

  // Opens a mask over the picture that is shown; `url` is that of one painted before, or null.
  async open(url) {
    await this.picture.decode();  // Before, it would have no size.
    const {naturalWidth: width, naturalHeight: height} = this.picture;
    const scale = Math.min(1, MOST / Math.max(width, height));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.undone = [];
    if (url) await this.load(url, false);
    this.canvas.hidden = false;
    this.place();
  }

  close() {
    this.canvas.hidden = true;
  }

  // Lays the canvas over the picture, which may be smaller than its frame.
  place() {
    const {width, height} = this.canvas;
    if (this.canvas.hidden || !width) return;
    const frame = this.picture.getBoundingClientRect();
    const mat = this.canvas.parentElement.getBoundingClientRect();
    const scale = Math.min(frame.width / width, frame.height / height);
    const style = this.canvas.style;
    style.width = `${width * scale}px`;
    style.height = `${height * scale}px`;
    style.left = `${frame.left - mat.left + (frame.width - width * scale) / 2}px`;
    style.top = `${frame.top - mat.top + (frame.height - height * scale) / 2}px`;
  }

  // Loads a picture as the mask: white for yes. Returns whether it has the photo's shape; else it is stretched.
  async load(url, canUndo = true) {
    const image = await loadImage(url);
    if (canUndo) this.#note();
    const {context} = this;
    const {width, height} = this.canvas;
    context.clearRect(0, 0, width, height);
    context.drawImage(image, 0, 0, width, height);
    const pixels = context.getImageData(0, 0, width, height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const [red, green, blue, alpha] = pixels.data.subarray(i, i + 4);
      const light = (0.2126 * red + 0.7152 * green + 0.0722 * blue) * alpha / 255;
      // What compression makes of black and white is black and white again.
      pixels.data[i + 3] = light < 12 ? 0 : light > 243 ? 255 : light;
    }
    context.putImageData(pixels, 0, 0);
    this.#tint();
    const stretch = (image.naturalWidth / image.naturalHeight) / (width / height);
    return Math.abs(Math.log(stretch)) < SAME_SHAPE;
  }

  undo() {
    const before = this.undone.pop();
    if (before) this.context.putImageData(before, 0, 0);
    this.#tint();
  }

  clear() {
    this.#note();
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  invert() {
    this.#note();
    const {context} = this;
    context.globalCompositeOperation = "xor";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.globalCompositeOperation = "source-over";
    this.#tint();
  }

  nextColour() {
    this.colour = (this.colour + 1) % COLOURS.length;
    this.#tint();
  }

  get isEmpty() {
    const {data} = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 3; i < data.length; i += 4) if (data[i]) return false;
    return true;
  }

  // Returns the mask as a PNG: white strokes with soft edges, on black.
  toBlob() {
    const {width, height} = this.canvas;
    const whole = new OffscreenCanvas(width, height);
    const white = new OffscreenCanvas(width, height);
    const strokes = white.getContext("2d");
    strokes.drawImage(this.canvas, 0, 0);
    strokes.globalCompositeOperation = "source-in";
    strokes.fillStyle = "#fff";
    strokes.fillRect(0, 0, width, height);
    const context = whole.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.filter = `blur(${Math.max(width, height) / 200}px)`;
    context.drawImage(white, 0, 0);
    return whole.convertToBlob({type: "image/png"});
  }

  #note() {
    const {width, height} = this.canvas;
    this.undone.push(this.context.getImageData(0, 0, width, height));
    if (this.undone.length > MOST_UNDO) this.undone.shift();
  }

  #tint() {
    const {context} = this;
    context.globalCompositeOperation = "source-in";
    context.fillStyle = COLOURS[this.colour];
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.globalCompositeOperation = "source-over";
  }

  #begin(event) {
    event.preventDefault();
    if (!event.isPrimary) return;  // A second finger, or the hand beside a pen.
    const {canvas, context} = this;
    canvas.setPointerCapture(event.pointerId);
    this.#note();
    const erases = this.erases || event.button === 2 || event.button === 5;  // Or a pen's rubber.
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    context.strokeStyle = COLOURS[this.colour];
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = this.share * Math.max(canvas.width, canvas.height);
    let last = this.#at(event);
    const draw = (now) => {
      if (now.pointerId !== event.pointerId) return;
      const point = this.#at(now);
      context.beginPath();
      context.moveTo(...last);
      context.lineTo(...point);
      context.stroke();
      last = point;
    };
    draw(event);
    const end = () => {
      canvas.removeEventListener("pointermove", draw);
      context.globalCompositeOperation = "source-over";
    };
    canvas.addEventListener("pointermove", draw);
    canvas.addEventListener("pointerup", end, {once: true});
    canvas.addEventListener("pointercancel", end, {once: true});
  }

  #at(event) {
    const frame = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / frame.width;
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
  }
}
