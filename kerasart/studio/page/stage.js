// The large picture: a photo, a picture that grows, a work; and the photo again while one holds.

import {loadImage} from "./api.js";

const picture = document.querySelector("#picture");
const film = document.querySelector("#film");
const compare = document.querySelector("#compare");
const save = document.querySelector("#save");

let shown = null;  // {url, alt}
let before = null;  // The photo, to compare with.
let asked = 0;

// Shows a picture once it is decoded, so that nothing blinks; a later one wins.
async function show(url, alt) {
  const turn = ++asked;
  await loadImage(url);
  if (turn !== asked) return;
  const old = picture.src;
  picture.src = url;
  picture.alt = alt;
  if (old.startsWith("blob:") && old !== url) URL.revokeObjectURL(old);
  await picture.decode();
}

async function change(url, alt, photo, file, isPlayed = false) {
  picture.hidden = isPlayed;
  film.hidden = !isPlayed;
  if (!isPlayed) film.removeAttribute("src");
  shown = isPlayed ? null : {url, alt};
  before = photo;
  compare.hidden = !photo;
  save.hidden = !file;
  if (file) [save.href, save.download] = [`/works/${encodeURIComponent(file)}`, file];
  if (isPlayed) film.src = url;
  else await show(url, alt);
}

// Whether a work needs a player; animated pictures are shown as pictures.
export const isPlayed = (work) => work.name.endsWith(".mp4");
export const photoUrl = (name) => `/sources/${name}`;
export const workUrl = (work) => `/works/${encodeURIComponent(work.name)}?v=${work.version}`;
export const smallUrl = (work) => `/works/${encodeURIComponent(work.name)}/small?v=${work.version}`;

export const showPhoto = (name) => change(photoUrl(name), "The photo", null, null);
export const showGrowing = (blob, alt, photo) =>
  change(URL.createObjectURL(blob), alt, photo && photoUrl(photo), null);
export const showWork = (work, photo) =>
  change(workUrl(work), `${work.name}, as it was made`, work.film ? null : photo && photoUrl(photo), work.name, isPlayed(work));

// Holding the button, the picture itself, or a key on the button shows the photo.
function hold(isHeld) {
  if (!before || !shown) return;
  compare.setAttribute("aria-pressed", isHeld);
  const turn = ++asked;
  if (turn === asked) picture.src = isHeld ? before : shown.url;
}

for (const element of [compare, picture]) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && (element === compare || event.pointerType === "mouse")) {
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      hold(true);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => hold(false));
}
compare.addEventListener("contextmenu", (event) => event.preventDefault());
compare.addEventListener("keydown", (event) => {
  if ([" ", "Enter"].includes(event.key) && !event.repeat) hold(true);
});
compare.addEventListener("keyup", () => hold(false));
compare.addEventListener("blur", () => hold(false));
