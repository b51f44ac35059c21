// What is chosen on the page, kept for a reload, and the recipe that the server is sent.

const KEY = "kerasart studio";
const SIZES = [384, 640, 1280];  // Those of the form.
// The kinds of films, by those of pictures: what is made of every frame.
const FILMS = {dream: "dream_film", painting: "painting_film", one_pass: "film"};
const START = {
  photo: null,  // {name, width, height, film}
  kind: "dream",
  dream: "animals",  // The name of a dream, or "thing", or "picture".
  thing: "",
  guide: null,
  quick: ["starry_night"],
  painting: [],
  own: [],  // Names of the pictures that were given as styles or guides.
  together: "mixed",
  mix: 50,
  strength: {dream: 0, one_pass: 100, painting: 0},
  strokes: 0,
  colours: false,
  size: "640",
  form: "mp4",  // What a film is kept as.
  seed: 0,
  masks: {dream: null, first: null, second: null},
  sheet: "",
};

function load() {
  try {
    return {...structuredClone(START), ...JSON.parse(sessionStorage.getItem(KEY) || "{}")};
  } catch {
    return structuredClone(START);
  }
}

export const chosen = load();
export const remember = () => sessionStorage.setItem(KEY, JSON.stringify(chosen));

// Sliders of factors count in steps of the root of two.
export const factor = (step) => Number((2 ** (step / 2)).toFixed(3));
const stepOf = (value) => Math.round(2 * Math.log2(value));

export const isFilm = (made) => Object.values(FILMS).includes(made.kind);
export const kindOf = (made) => Object.keys(FILMS).find((kind) => FILMS[kind] === made.kind) || made.kind;

// The recipe of a film's first frame; of a picture, itself.
export function stillOf({form, ...made}) {
  return {...made, kind: kindOf(made)};
}

// The styles that are chosen, of the kind that is.
export const styles = () => (chosen.kind === "painting" ? chosen.painting : chosen.quick);
export const together = () =>
  chosen.together === "places" && (chosen.kind !== "painting" || chosen.photo?.film) ? "mixed" : chosen.together;

function mixture() {
  const [first, second] = styles();
  if (!second) return [{style: first}];
  const two = [{style: first}, {style: second}];
  if (together() === "levels") [two[0].level, two[1].level] = ["coarse", "fine"];
  if (together() === "mixed") [two[0].weight, two[1].weight] = [chosen.mix / 100, 1 - chosen.mix / 100];
  if (together() === "places") {
    [two[0].mask, two[1].mask] = [chosen.masks.first, chosen.masks.second];
    if (!two[0].mask || !two[1].mask) throw new Error("Paint both places first.");
  }
  for (const each of two) if (each.weight) each.weight = Number(each.weight.toFixed(2));
  return two;
}

// The recipe of what is chosen; throws a sentence where something is missing.
export function recipe() {
  if (!chosen.photo) throw new Error("Choose a photo first.");
  const made = pictureRecipe();
  return chosen.photo.film ? {...made, kind: FILMS[chosen.kind], form: chosen.form} : made;
}

function pictureRecipe() {
  const made = {kind: chosen.kind, photo: chosen.photo.name, size: chosen.size === "photo" ? null : Number(chosen.size)};
  const strength = chosen.strength[chosen.kind];
  if (chosen.kind === "dream") {
    made.strength = factor(strength);
    made.seed = chosen.seed;
    made.mask = chosen.masks.dream;
    if (chosen.dream === "thing") {
      if (!chosen.thing.trim()) throw new Error("Say what shall grow in it.");
      made.class_name = chosen.thing.trim();
    } else if (chosen.dream === "picture") {
      if (!chosen.guide) throw new Error("Add the picture that the dream shall be like.");
      made.guide = chosen.guide;
    } else {
      made.preset = chosen.dream;
    }
    return made;
  }
  if (!styles().length) throw new Error(chosen.kind === "painting" ? "Add the picture that it shall be like." : "Choose a style.");
  made.styles = mixture();
  made.preserve_color = chosen.colours ? "luminance" : "none";
  if (chosen.kind === "painting") {
    made.style_strength = factor(2 * strength);
    made.style_size = factor(chosen.strokes);
  } else {
    made.strength = strength / 100;
  }
  return made;
}

// The size on the form that is nearest to one: a sheet's, say, is none of them.
function nearestSize(size) {
  const distance = (each) => Math.abs(Math.log(each / size));
  return String(SIZES.reduce((best, each) => (distance(each) < distance(best) ? each : best)));
}

// Chooses what a recipe says; the photo is chosen by the caller.
export function follow(made) {
  chosen.kind = kindOf(made);
  chosen.form = made.form || chosen.form;
  chosen.size = made.size === null ? "photo" : nearestSize(made.size);
  chosen.masks = {dream: null, first: null, second: null};
  if (chosen.kind === "dream") {
    chosen.dream = made.preset || (made.class_name === null ? "picture" : "thing");
    chosen.thing = made.class_name || chosen.thing;
    chosen.guide = made.guide || chosen.guide;
    if (made.guide) own(made.guide);
    chosen.masks.dream = made.mask;
    chosen.seed = made.seed;
    chosen.strength.dream = stepOf(made.strength);
    return;
  }
  const names = made.styles.map((each) => each.style);
  const [first, second] = made.styles;
  if (second) {
    chosen.together = first.level ? "levels" : first.mask ? "places" : "mixed";
    chosen.mix = Math.round(100 * first.weight / (first.weight + second.weight) / 5) * 5;
    [chosen.masks.first, chosen.masks.second] = [first.mask, second.mask];
  }
  for (const name of names) if (/^[0-9a-f]{16}$/.test(name)) own(name);
  chosen.colours = made.preserve_color !== "none";
  if (chosen.kind === "painting") {
    chosen.painting = names;
    chosen.strength.painting = stepOf(made.style_strength) / 2;
    chosen.strokes = stepOf(made.style_size);
  } else {
    chosen.quick = names;
    chosen.strength.one_pass = Math.round(100 * made.strength);
  }
}

// Adds a picture to those of one's own.
export function own(name) {
  if (!chosen.own.includes(name)) chosen.own = [...chosen.own, name].slice(-12);
}
