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

// Fills `place` with radio buttons: one of `choices`, {value, face, title, about}.
export function showRadios(place, name, choices, value, onChoice) {
  place.replaceChildren(...choices.map((choice) => {
    const input = make("input", {type: "radio", name, value: choice.value, checked: choice.value === value});
    input.addEventListener("change", () => onChoice(choice.value));
    const shown = tile(input, choice.face, choice.title);
    if (choice.about) shown.title = choice.about;
    return shown;
  }));
}

// Fills `place` with checkboxes, of which `picked`, a list, has its numbers shown.
export function showChecks(place, choices, picked, onChange) {
  const focused = place.contains(document.activeElement) ? document.activeElement.value : null;
  place.replaceChildren(...choices.map((choice) => {
    const order = picked.indexOf(choice.value) + 1;
    const input = make("input", {type: "checkbox", value: choice.value, checked: order > 0});
    input.addEventListener("change", () => onChange(choice.value, input.checked));
    const shown = tile(input, choice.face, choice.title);
    if (order && picked.length > 1) shown.append(make("span", {className: "order"}, String(order)));
    return shown;
  }));
  if (focused) place.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
}

// Adds a tile that asks for a picture.
export function addAdder(place, title, onFile) {
  const input = make("input", {type: "file", accept: "image/*"});
  input.addEventListener("change", () => {
    if (input.files[0]) onFile(input.files[0]);
    input.value = "";
  });
  place.append(tile(input, "+", title));
}
