// Asks the server, and turns what goes wrong into a sentence.

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The studio does not answer. Is it still running?");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Error(told.error || `The studio answered ${answer.status}.`);
}

export const getJson = async (path) => (await ask(path)).json();
export const getBlob = async (path) => (await ask(path)).blob();

export const post = (path, value = {}) => ask(path, {
  method: "POST",
  headers: {"Content-Type": "application/json"},
  body: JSON.stringify(value),
});

export const postJson = async (path, value) => (await post(path, value)).json();

// Loads a picture; throws a sentence where the browser cannot show it.
export async function loadImage(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    throw new Error("This picture cannot be shown: it is damaged, or its file is not a PNG, JPEG or WebP.");
  }
  return image;
}

// Sends a picture or a film; returns its name and size. The size is checked before: a server that refuses
// while the body still comes would only be seen as a broken connection.
export async function upload(blob, {max_bytes, max_film}) {
  const isFilm = blob.type.startsWith("video/");
  const most = isFilm ? max_film : max_bytes;
  if (blob.size > most) {
    throw new Error(`${isFilm ? "A film" : "A picture"} may have ${Math.floor(most / 2 ** 20)} MB at most.`);
  }
  return (await ask(isFilm ? "/films" : "/sources", {method: "POST", body: blob})).json();
}
