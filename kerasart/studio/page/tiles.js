// Choices by pictures: radio buttons and checkboxes under them, and a place to add one.

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
export {make};

// A tile: `face` is the address of a picture, or a sign.
function tile(input, face, title) {
  const picture = face.startsWith("/")
    ? make("img", {src: face, alt: "", loading: "lazy"})
    : face;
  return make("label", {className: "tile"}, input,
    make("span", {className: "face", ariaHidden: "true"}, picture),
    make("span", {className: "name"}, title));
}

// Fills `place` with tiles of `choices`, {value, face, title, about}: radio buttons of a name, or
// checkboxes. Tiles that are there already stay, and what is focused stays focused.
// `onChoice(value, isChosen)` is called; `onFile(file)`, if it is given, by a tile that asks for one.
export function showTiles(place, {type, name, choices, onChoice, onFile}) {
  const key = choices.map((choice) => choice.value).join();
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  const tiles = choices.map((choice) => {
    const input = make("input", {type, name: name || "", value: choice.value});
    input.addEventListener("change", () => onChoice(choice.value, input.checked));
    const shown = tile(input, choice.face, choice.title);
    if (choice.about) shown.title = choice.about;
    shown.append(make("span", {className: "order", hidden: true}));
    return shown;
  });
  if (onFile) {
    const input = make("input", {type: "file", accept: "image/*"});
    input.addEventListener("change", () => {
      if (input.files[0]) onFile(input.files[0]);
      input.value = "";
    });
    tiles.push(tile(input, "+", "Add a picture"));
  }
  place.replaceChildren(...tiles);
}

// Marks what is picked, a list; of several the order is shown.
export function markPicked(place, picked) {
  for (const input of place.querySelectorAll("input:not([type=file])")) {
    const order = picked.indexOf(input.value) + 1;
    const badge = input.parentElement.querySelector(".order");
    input.checked = order > 0;
    badge.hidden = !order || picked.length < 2;
    badge.textContent = order;
  }
}
