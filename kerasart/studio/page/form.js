// The form: shows what is chosen, and notes what is chosen anew.

import {chosen, factor, own, remember, styles, together} from "./settings.js";
import {make, markPicked, showTiles} from "./tiles.js";

const MOST_FOUND = 12;
const find = (selector) => document.querySelector(selector);
const all = (selector) => document.querySelectorAll(selector);
const thumb = (name) => `/pictures/${name}.webp`;

let choices = null;
let onChange = () => {};
let takePicture = async () => null;

// `changed` is called after each choice, `take` with a file: it returns the name of a source.
export function start(offered, changed, take) {
  [choices, onChange, takePicture] = [offered, changed, take];
  listen("kind", (value) => { chosen.kind = value; });
  listen("together", (value) => { chosen.together = value; });
  listen("size", (value) => { chosen.size = value; });
  listen("form", (value) => { chosen.form = value; });
  slide("#strength", (value) => { chosen.strength[chosen.kind] = value; });
  slide("#strokes", (value) => { chosen.strokes = value; });
  slide("#mix", (value) => { chosen.mix = value; });
  find("#thing").addEventListener("input", (event) => note(() => { chosen.thing = event.target.value; }));
  find("#colours").addEventListener("change", (event) => note(() => { chosen.colours = event.target.checked; }));
  find("#seed").addEventListener("click", () => note(() => {
    chosen.seed = 1 + Math.floor(Math.random() * 9999);
  }));
  show();
}

function note(act, isLive = false) {
  act();
  remember();
  show();
  onChange(isLive);
}

function listen(name, act) {
  for (const input of all(`input[name=${name}]`)) {
    input.addEventListener("change", () => note(() => act(input.value)));
  }
}

// A slider tells of itself while it moves, and once it rests.
function slide(selector, act) {
  const input = find(selector);
  input.addEventListener("input", () => note(() => act(Number(input.value)), true));
  input.addEventListener("change", () => onChange(false));
}

// Shows what is chosen.
export function show() {
  for (const name of ["kind", "together", "size", "form"]) {
    for (const input of all(`input[name=${name}]`)) input.checked = input.value === (name === "together" ? together() : chosen[name]);
  }
  const isFilm = String(Boolean(chosen.photo?.film));
  for (const element of all("[data-kind], [data-film]")) {
    const {kind = chosen.kind, film = isFilm} = element.dataset;
    element.hidden = !kind.split(" ").includes(chosen.kind) || film !== isFilm;
  }
  for (const element of all("[data-dream]")) element.hidden = element.dataset.dream !== chosen.dream;
  find("#two").hidden = chosen.kind === "dream" || styles().length < 2;
  for (const element of all("[data-together]")) element.hidden = element.dataset.together !== together();
  if (find("#thing").value !== chosen.thing) find("#thing").value = chosen.thing;
  showFound();
  find("#colours").checked = chosen.colours;
  showSliders();
  showSize();
  showChoices();
  find("#seed-shown").textContent = chosen.seed ? `Throw ${chosen.seed}` : "";
  find("#where").textContent = chosen.masks.dream ? "Only in the painted part …" : "Only in a part …";
  find("#where").setAttribute("aria-pressed", Boolean(chosen.masks.dream));
  find("#place-0").setAttribute("aria-pressed", Boolean(chosen.masks.first));
  find("#place-1").setAttribute("aria-pressed", Boolean(chosen.masks.second));
}

// Offers the things whose names have all that is typed, those that begin so first.
function showFound() {
  const typed = chosen.thing.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name) => typed.every((part) => name.includes(part));
  const found = typed.length ? choices.classes.filter((name) => fits(name.toLowerCase())) : [];
  found.sort((one, other) => other.toLowerCase().startsWith(typed[0]) - one.toLowerCase().startsWith(typed[0]));
  const shown = found.includes(chosen.thing) ? [] : found.slice(0, MOST_FOUND);
  find("#found").replaceChildren(...shown.map((name) => {
    const button = make("button", {type: "button"}, name);
    button.addEventListener("click", (event) => {
      note(() => { chosen.thing = name; });
      if (!event.detail) find("#thing").focus();  // By keyboard: the button is gone.
    });
    return button;
  }));
}

function showSliders() {
  const isPart = chosen.kind === "one_pass";
  const strength = find("#strength");
  [strength.min, strength.max, strength.step] = isPart ? [0, 100, 5] : [-4, 4, 1];
  strength.value = chosen.strength[chosen.kind];
  const step = chosen.strength[chosen.kind];
  const usual = step === 0 ? "as usual" : `× ${factor(chosen.kind === "painting" ? 2 * step : step)}`;
  find("#strength-shown").textContent = isPart ? `${step} %` : usual;
  find("#strokes").value = chosen.strokes;
  find("#strokes-shown").textContent = chosen.strokes === 0 ? "as in the picture" : `× ${factor(chosen.strokes)}`;
  find("#mix").value = chosen.mix;
  find("#mix-shown").textContent = `${chosen.mix} %`;
}

function showSize() {
  const {photo, size} = chosen;
  if (!photo) {
    find("#size-note").textContent = "";
    return;
  }
  const long = Math.max(photo.width, photo.height);
  const scale = size === "photo" ? 1 : Number(size) / long;
  // A painting's own size is at most 640, unless more is asked for.
  const capped = size === "photo" && chosen.kind === "painting" ? Math.min(1, 640 / long) : scale;
  const [width, height] = [photo.width, photo.height].map((side) => Math.max(1, Math.round(side * capped)));
  const slow = Math.max(width, height) > (photo.film ? 800 : 1400) && chosen.kind !== "one_pass" ? ": this takes long" : "";
  find("#size-note").textContent = `${width} × ${height} pixels${slow}`;
}

function showChoices() {
  const dreams = choices.dreams.map(({name, title, about}) => ({value: name, face: thumb(name), title, about}));
  dreams.push({value: "thing", face: thumb("thing"), title: "A thing …", about: "Something that you name"});
  dreams.push({value: "picture", face: thumb("picture"), title: "Like a picture", about: "Of what another picture is made of"});
  showRadios("#dreams", "dream", dreams, (value) => { chosen.dream = value; });
  markPicked(find("#dreams"), [chosen.dream]);

  const things = choices.things.map(({name, picture}) => ({value: name, face: thumb(picture), title: name}));
  showRadios("#things", "thing", things, (value) => { chosen.thing = value; });
  markPicked(find("#things"), [chosen.thing]);

  for (const network of ["medium", "collections"]) {
    const known = choices.styles.filter((style) => style.network === network);
    const tiles = known.map(({name, title}) => ({value: name, face: thumb(name), title}));
    showChecks(`#${network}`, tiles, "quick");
  }
  const pictures = chosen.own.map((name, i) => ({value: name, face: `/sources/${name}`, title: `Picture ${i + 1}`}));
  showChecks("#quick-own", pictures, "quick", add("quick"));
  showChecks("#painting-own", pictures, "painting", add("painting"));
  showRadios("#guides", "guide", pictures, (value) => { chosen.guide = value; }, add("guide"));
  markPicked(find("#guides"), [chosen.guide]);
}

function showRadios(place, name, tiles, act, onFile) {
  const onChoice = (value) => note(() => act(value));
  showTiles(find(place), {type: "radio", name, choices: tiles, onChoice, onFile});
}

function showChecks(place, tiles, list, onFile) {
  const onChoice = pick(list, tiles.map(({value}) => value));
  showTiles(find(place), {type: "checkbox", choices: tiles, onChoice, onFile});
  markPicked(find(place), chosen[list]);
}

// At most two styles at once, of one family: those that one network knows.
function pick(list, family) {
  return (name, isChosen) => note(() => {
    const others = chosen[list].filter((each) => each !== name && family.includes(each));
    chosen[list] = isChosen ? [...others, name].slice(-2) : others;
  });
}

// Adds a picture that was given, and chooses it.
function add(where) {
  return async (file) => {
    const name = await takePicture(file);
    if (name) note(() => choose(where, name));
  };
}

export function choose(where, name) {
  own(name);
  if (where === "guide") {
    chosen.guide = name;
  } else {
    const others = chosen[where].filter((each) => each !== name && chosen.own.includes(each));
    chosen[where] = [...others, name].slice(-2);
  }
}

// What an observer of the page may vary, and the changes of a recipe for each picture of a sheet.
export function variations(recipe) {
  const by = (name, values) => values.map((value) => [{[name]: value}, `× ${value}`]);
  if (recipe.kind === "dream") {
    const kinds = choices.dreams.map(({name, title}) => [{preset: name, class_name: null, guide: null}, title]);
    return {
      "Strength": by("strength", [0.5, 0.707, 1, 1.414, 2]),
      "Chance": [1, 2, 3, 4, 5].map((seed) => [{seed}, `throw ${seed}`]),
      "All dreams": kinds,
    };
  }
  if (recipe.kind === "painting") {
    return {
      "Strength": by("style_strength", [0.25, 0.5, 1, 2, 4]),
      "Strokes": by("style_size", [0.5, 0.707, 1, 1.414, 2]),
    };
  }
  const known = choices.styles.filter(({network}) => network === "medium");
  return {
    "Strength": [0.2, 0.4, 0.6, 0.8, 1].map((strength) => [{strength}, `${100 * strength} %`]),
    "All styles": known.map(({name, title}) => [{styles: [{style: name}]}, title]),
  };
}
