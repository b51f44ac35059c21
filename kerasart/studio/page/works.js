// What was made: the gallery, and one work seen closely.

import {getJson, postJson} from "./api.js";
import {isPlayed, smallUrl, workUrl} from "./stage.js";
import {make} from "./tiles.js";

const find = (selector) => document.querySelector(selector);
const dialog = find("#work");
const FEW = 12;
let works = [];
let open = null;
let most = FEW;  // How many are shown.
let newest = "";  // The name of what was made last while the page was open.

export const findWork = (name) => works.find((each) => each.name === name);
export const worksOf = (sheet) => works.filter((each) => each.sheet === sheet);

// Reads the list anew, and shows it, with a mark at what was just made.
export async function refresh(made = newest) {
  newest = made;
  works = await getJson("/works");
  list();
}

function list() {
  const whole = works.filter((each) => !each.sheet);
  const small = works.filter((each) => each.sheet);
  find("#none").hidden = works.length > 0;
  find("#works").replaceChildren(...whole.slice(0, most).map(card));
  find("#more").hidden = whole.length <= most;
  find("#small-works").hidden = !small.length;
  find("#sheet-works").replaceChildren(...small.map(card));
}

function card(work) {
  const made = button(work, work.name + (work.stopped ? " (stopped)" : ""), () => show(work));
  if (work.name === newest) made.append(make("span", {className: "newest"}, "Just made"));
  return made;
}

// A work as a button.
export function button(work, title, onClick) {
  const image = make("img", {src: smallUrl(work), alt: "", loading: "lazy"});
  image.addEventListener("error", () => {
    image.replaceWith(make("span", {className: "pending"}, "Cannot be shown"));
  });
  const made = make("button", {type: "button"}, image, make("span", {}, title));
  made.addEventListener("click", onClick);
  return made;
}

function show(work) {
  open = work;
  find("#work-title").textContent = `${work.name}, ${work.width} × ${work.height}`;
  const picture = find("#work-picture");
  const film = find("#work-film");
  [picture.hidden, film.hidden] = [isPlayed(work), !isPlayed(work)];
  if (isPlayed(work)) film.src = workUrl(work);
  else Object.assign(picture, {src: workUrl(work), alt: work.name});
  find("#work-save").href = `/works/${encodeURIComponent(work.name)}`;
  find("#work-save").download = work.name;
  find("#work-again").hidden = find("#work-command").hidden = !work.recipe;
  find("#command").hidden = true;
  find("#command-copy").textContent = "Copy";
  find("#command-about").textContent = work.stopped
    ? "This line in a terminal makes the whole of which this is a part:"
    : "This line in a terminal makes the same:";
  // The record of a file is anyone's text.
  find("#record").textContent = JSON.stringify(work.record, null, 2);
  dialog.showModal();
}

find("#more").addEventListener("click", () => {
  const first = most;  // Of those that are added: the keyboard goes on there.
  most += 2 * FEW;
  list();
  find("#works").children[first].focus();
});
find("#work-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => find("#work-film").pause());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
find("#work-command").addEventListener("click", async () => {
  const place = find("#command");
  try {
    place.querySelector("pre").textContent = (await postJson("/command", open.recipe)).command;
  } catch (error) {
    place.querySelector("pre").textContent = error.message;
  }
  place.hidden = false;
});
find("#command-copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(find("#command pre").textContent);
  find("#command-copy").textContent = "Copied";
});

// What the page does with a work that is open.
export function onChoice(again, goOn) {
  find("#work-again").addEventListener("click", () => {
    dialog.close();
    again(open);
  });
  find("#work-photo").addEventListener("click", () => {
    dialog.close();
    goOn(open);
  });
}
