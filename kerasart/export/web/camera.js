// `Camera`: what the device's camera sees, as bitmaps.

import { shrink } from "./photo.js";

const REFUSALS = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's settings, and try again.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is in use by another program.",
};

export class Camera {
  #video;

  constructor(video) {
    this.#video = video;
  }

  /**
   * Starts a camera; the error says in words why one cannot be.
   * @param {string} facing "environment", the one at the back of a phone, or "user".
   * @param {() => void} onEnd Called when it ends by itself, as when it is unplugged.
   */
  static async open(facing, onEnd) {
    const devices = navigator.mediaDevices;
    if (!devices) throw new Error("The camera works only where the address begins with https.");
    let stream;
    try {
      stream = await devices.getUserMedia({ video: { facingMode: facing, width: { ideal: 1920 } } });
    } catch (error) {
      throw new Error(REFUSALS[error.name] ?? `The camera could not be started: ${error.message}`);
    }
    stream.getVideoTracks()[0].onended = onEnd;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, srcObject: stream });
    await video.play();
    return new Camera(video);
  }

  /** Whether the device has more than one. */
  static async hasOthers() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === "videoinput").length > 1;
  }

  stop() {
    for (const track of this.#video.srcObject.getTracks()) track.stop();
  }

  /** What it sees now, with at most `side` pixels on its long side; waits while nobody looks. */
  async look(side = Infinity) {
    if (document.hidden) {
      await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
    }
    const bitmap = await createImageBitmap(this.#video);
    const shrunk = await shrink(bitmap, { side });
    bitmap.close();
    return shrunk;
  }
}
