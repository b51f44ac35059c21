// Reads the files that people choose, and says in plain words what is wrong with one.

const MOST_BYTES = 100e6;

export class Unreadable extends Error {}

/**
 * Reads a picture file, upright, in sRGB; only its pixels are kept.
 * @param {File} file
 * @param {number} leastSide The least width and height.
 * @returns {Promise<ImageBitmap>}
 */
export async function readPhoto(file, leastSide) {
  if (file.size > MOST_BYTES) {
    throw new Unreadable(`This file is too large: it has ${Math.round(file.size / 1e6)} MB, and can
      have up to ${MOST_BYTES / 1e6}.`);
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Unreadable(await explain(file));
  }
  if (Math.min(bitmap.width, bitmap.height) < leastSide) {
    throw new Unreadable(`This picture is too small: it has ${bitmap.width} × ${bitmap.height}
      pixels, and needs ${leastSide} × ${leastSide}.`);
  }
  return bitmap;
}

async function explain(file) {
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (/^....ftyp(hei|hev|mif1|msf1)/s.test(text)) {
    return "This is a HEIC photo, which only Safari opens. Save it as a JPEG first, or set the phone's camera to “most compatible”.";
  }
  if (/^(\xff\xd8\xff|\x89PNG|GIF8|BM|RIFF....WEBP|....ftypavi)/s.test(text)) {
    return "This picture could not be opened: the file is damaged, or has too many pixels for this browser.";
  }
  return "This file is not a picture that the browser knows. Choose a photo: JPEG, PNG or WebP.";
}

/** Makes a copy of a bitmap, smaller if it has more pixels than `pixels` or a side over `side`. */
export function shrink(bitmap, { pixels = Infinity, side = Infinity }) {
  const [width, height] = shrunkSize(bitmap, { pixels, side });
  if (width === bitmap.width && height === bitmap.height) return createImageBitmap(bitmap);
  const options = { resizeWidth: width, resizeHeight: height, resizeQuality: "high" };
  return createImageBitmap(bitmap, options);
}

/** The width and height that `shrink` gives. */
export function shrunkSize({ width, height }, { pixels = Infinity, side = Infinity }) {
  const scale = Math.min(1, side / Math.max(width, height), Math.sqrt(pixels / (width * height)));
  return [width, height].map((length) => Math.max(1, Math.floor(length * scale + 1e-6)));
}
