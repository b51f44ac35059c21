// The page: a photo is taken in, something is asked for, watched as it grows, and kept.

import {getBlob, getJson, post, postJson, upload} from "./api.js";
import {Brush} from "./brush.js";
import * as form from "./form.js";
import {chosen, follow, isFilm, kindOf, recipe, remember, stillOf} from "./settings.js";
import {photoUrl, showGrowing, showPhoto, showWork} from "./stage.js";
import {make} from "./tiles.js";
import * as works from "./works.js";

const find = (selector) => document.querySelector(selector);
const ENDED = ["done", "stopped", "failed", "held"];  // One that is held may begin again.
const SHEET_SIZE = 320;
const TRIAL_SIZE = 192;  // Of one that follows a slider.
const FORMS = {"image/gif": "gif", "image/webp": "webp"};  // Of films that are animated pictures.

let choices = null;
let jobs = [];
let ready = false;
let followed = 0;  // The number of the job that is shown.
let shownEnd = "";  // The number and the state of the job whose end was shown.
let lately = "";  // What is still said of the job before, while the next is made.
let told = new Map();  // The state of each job when it was last looked at; empty before the first.
let brush = null;
let brushed = null;  // The name of the mask that is being painted.

// ---- What is said -----------------------------------------------------------------------------

function complain(error) {
  find("#notice").textContent = error.message;
  find("#notice").hidden = false;
}

// Does what a user asked for, and says what is wrong with it.
const attempt = (act) => async (...given) => {
  find("#notice").hidden = true;
  try {
    return await act(...given);
  } catch (error) {
    complain(error);
    return null;
  }
};

function say(state, text) {
  const status = find("#status");
  if (status.dataset.state !== state) status.dataset.state = state;
  if (status.textContent !== text) status.textContent = text;
}

// ---- The photo --------------------------------------------------------------------------------

const takePhoto = attempt(async (file) => {
  if (!file) return;
  await setPhoto(await upload(file, choices), file.type);
});

async function setPhoto(photo, type) {
  closeBrush();
  Object.assign(chosen, {photo, masks: {dream: null, first: null, second: null}});
  if (photo.film) chosen.form = FORMS[type] || "mp4";
  remember();
  form.show();
  await openPhoto();
  seePicture();
  await tryOut();
}

async function openPhoto() {
  find("#empty").hidden = Boolean(chosen.photo);
  find("#frame").hidden = !chosen.photo;
  if (chosen.photo) await showPhoto(chosen.photo.name);
}

const describe = (name) => getJson(`/sources/${name}/about`);

function listenForPhotos() {
  for (const selector of ["#photo-file", "#camera-file"]) {
    find(selector).addEventListener("change", (event) => {
      takePhoto(event.target.files[0]);
      event.target.value = "";
    });
  }
  find("#again-photo").addEventListener("click", () => find("#photo-file").click());
  for (const name of choices.samples) {
    const image = make("img", {src: `/pictures/${name}.webp`, alt: `The photo of a ${name}`});
    const button = make("button", {type: "button"}, image);
    button.addEventListener("click", attempt(async () => {
      await setPhoto(await describe(name));
    }));
    find("#samples").append(button);
  }
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((each) => /^(image|video)\//.test(each.type));
    if (file) takePhoto(file);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    takePhoto(event.dataTransfer.files[0]);
  });
}

const takeStyle = attempt(async (file) => (await upload(file, choices)).name);

// ---- Making -----------------------------------------------------------------------------------

const isBusy = () => jobs.some((job) => job.number === followed && !ENDED.includes(job.state));

// A thing must be one that the network learned to see.
function known(asked) {
  const name = asked.class_name?.toLowerCase();
  if (name && !choices.classes.some((each) => each.toLowerCase() === name)) {
    throw new Error(`The network never learned what “${name}” is. Type a few letters, and choose from the list.`);
  }
  return asked;
}

const submit = attempt(async () => {
  await finishBrush();
  const asked = known(recipe());
  if (isBusy()) {
    await post("/jobs", asked);  // It is followed once it begins.
    return;
  }
  // What was said of the last job is not said of this one.
  lately = "";
  say("asked", "Asked for …");
  try {
    followed = (await postJson("/jobs", asked)).number;
    update();
    seePicture();
  } catch (error) {
    say("failed", "");
    throw error;
  }
});

const makeSheet = attempt(async (name) => {
  await finishBrush();
  const asked = {...stillOf(known(recipe())), size: SHEET_SIZE};
  if (!isBusy()) lately = "";
  const changes = form.variations(asked)[name];
  Object.assign(chosen, {sheet: Math.random().toString(36).slice(2, 10), ofSheet: changes.length});
  remember();
  let sent = 0;
  try {
    for (const [change] of changes) {
      await postJson("/jobs", {...asked, ...change, sheet: chosen.sheet});
      sent += 1;
    }
  } finally {
    chosen.ofSheet = sent;
    remember();
  }
  find("#sheet").scrollIntoView({block: "nearest"});
});

function showSheetButtons() {
  const names = Object.keys(form.variations({kind: chosen.kind}));
  find("#sheets").replaceChildren(...names.map((name) => {
    const button = make("button", {type: "button"}, name);
    button.addEventListener("click", () => makeSheet(name));
    return button;
  }));
}

// On a phone the picture is above what was touched.
function seePicture() {
  const {top, bottom} = find("#mat").getBoundingClientRect();
  const seen = Math.min(bottom, innerHeight) - Math.max(top, 0);
  if (seen < (bottom - top) / 2) find("#stage").scrollIntoView({block: "start"});
}

// ---- A quick style is tried at once, small -----------------------------------------------------

let trying = false;
let again = null;

// While a picture is made, which is shown large, a trial is shown beside the sliders.
async function tryOut(isLive = false) {
  if (chosen.kind !== "one_pass" || !isBusy()) find("#trial").hidden = true;
  if (chosen.kind !== "one_pass" || !chosen.photo || brushed || !ready) return;
  if (trying) {
    again = {isLive};
    return;
  }
  trying = true;
  const end = shownEnd;
  try {
    const asked = recipe();
    const size = isLive || isBusy() ? TRIAL_SIZE : Math.min(asked.size || 640, 640);
    const blob = await (await post("/try", {...asked, size})).blob();
    if (isBusy()) {
      await showTrial(blob);
    } else if (shownEnd === end) {  // Else what was made meanwhile is shown.
      await showGrowing(blob, "A trial", chosen.photo.name);
      say("tried", "A trial. Make it to keep it.");
    }
  } catch (error) {
    complain(error);
  } finally {
    trying = false;
  }
  if (again) {
    const next = again;
    again = null;
    tryOut(next.isLive);
  }
}

async function showTrial(blob) {
  const picture = find("#trial img");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(blob);
  await picture.decode();
  find("#trial").hidden = false;
}

function changed(isLive) {
  showSheetButtons();
  find("#notice").hidden = true;
  tryOut(isLive);
}

// ---- Masks ------------------------------------------------------------------------------------

const openBrush = attempt(async (name, title) => {
  if (!chosen.photo) throw new Error("Choose a photo first.");
  await finishBrush();
  await showPhoto(chosen.photo.name);
  brushed = name;
  find("#brush-title").textContent = chosen.photo.film ? `${title} It is the same place in every frame.` : title;
  find("#brush-tools").hidden = false;
  find("#under").hidden = true;
  const known = chosen.masks[name];
  await brush.open(known && photoUrl(known));
  find("#stage").scrollIntoView({block: "start"});
});

const finishBrush = attempt(async () => {
  if (!brushed) return;
  const name = brushed;
  const mask = brush.isEmpty ? null : await upload(await brush.toBlob(), choices);
  chosen.masks[name] = mask && mask.name;
  remember();
  closeBrush();
  form.show();
  say("idle", mask ? "" : "Nothing is painted: it happens everywhere.");
});

function closeBrush() {
  brushed = null;
  brush.close();
  find("#brush-tools").hidden = true;
  find("#under").hidden = false;
}

function listenForBrush() {
  brush = new Brush(find("#brush"), find("#picture"));
  const titles = {
    dream: "Paint where the dream may grow.",
    first: "Paint where the first picture's style goes.",
    second: "Paint where the second picture's style goes.",
  };
  for (const button of document.querySelectorAll("[data-mask]")) {
    button.addEventListener("click", () => openBrush(button.dataset.mask, titles[button.dataset.mask]));
  }
  const size = find("#brush-size");
  const resize = () => { brush.share = size.value / 100; };
  size.addEventListener("input", resize);
  find("#brush").addEventListener("wheel", (event) => {
    event.preventDefault();
    size.value = Number(size.value) - Math.sign(event.deltaY);
    resize();
  }, {passive: false});
  find("#brush-erase").addEventListener("click", (event) => {
    brush.erases = !brush.erases;
    event.currentTarget.setAttribute("aria-pressed", brush.erases);
  });
  find("#brush-undo").addEventListener("click", () => brush.undo());
  find("#brush-invert").addEventListener("click", () => brush.invert());
  find("#brush-clear").addEventListener("click", () => brush.clear());
  find("#brush-colour").addEventListener("click", () => brush.nextColour());
  find("#brush-done").addEventListener("click", finishBrush);
  find("#brush-file").addEventListener("change", attempt(async (event) => {
    const [file] = event.target.files;
    const url = file && URL.createObjectURL(file);
    find("#brush-file").value = "";
    if (file && !await brush.load(url)) {
      throw new Error("The mask has another shape than the photo, and was stretched to it. “Undo” takes it away.");
    }
  }));
  document.addEventListener("keydown", (event) => {
    if (brushed && event.key === "z" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      brush.undo();
    }
  });
}

// ---- Watching ---------------------------------------------------------------------------------

let events = null;

function listenForEvents() {
  const open = () => {
    events ??= new EventSource("/events");
    events.onmessage = ({data}) => {
      ({jobs, ready} = JSON.parse(data));
      if (find("#status").dataset.state === "lost") say("idle", "");
      update();
    };
    events.onerror = () => {
      say("lost", "");
      find("#bar").hidden = true;
      const isOver = events?.readyState === EventSource.CLOSED;
      complain(new Error(isOver
        ? "The studio was closed. Open the address that it prints when it starts."
        : "The studio does not answer. Is it still running?"));
    };
  };
  // Browsers allow few connections: a tab that is not seen gives its back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      events?.close();
      events = null;
    } else {
      open();
    }
  });
  open();
}

// Shows what the jobs have become.
function update() {
  const running = jobs.find((job) => ["running", "stopping"].includes(job.state));
  const isNew = running && !["running", "stopping"].includes(told.get(running.number));
  if (running && !running.sheet && !brushed && (isNew || !followed)) followed = running.number;
  // What had ended before the page was opened is in the gallery already.
  const ended = jobs.filter((job) => ENDED.includes(job.state) && told.get(job.number) !== job.state);
  if (ended.length && told.size) {
    const made = ended.findLast((job) => job.work && !job.sheet);
    if (made) lately = `${outcome(made)}. `;
    works.refresh(made?.work).then(showSheet, complain);
    // One that was made in a moment was never seen to run.
    const latest = ended.findLast((job) => !job.sheet);
    if (latest && !running && !brushed) followed = Math.max(followed, latest.number);
  }
  told = new Map([[0, ""], ...jobs.map((job) => [job.number, job.state])]);
  const job = jobs.find((each) => each.number === followed);
  find("#stop").hidden = !job || ENDED.includes(job.state);
  find("#stop").disabled = job?.state === "stopping";
  find("#make").textContent = running ? "Make it next" : "Make it";
  if (!isBusy()) find("#trial").hidden = true;
  find("#bar").hidden = !job || !["running", "stopping"].includes(job.state);
  const sheet = jobs.filter((each) => each.sheet && each.sheet === (running?.sheet || chosen.sheet));
  const isSheet = (!job || ENDED.includes(job.state)) && sheet.some((each) => !ENDED.includes(each.state));
  if (job && ENDED.includes(job.state)) end(job);
  else if (job) watch(job);
  else if (!ready && find("#status").dataset.state === "idle") say("idle", "Getting ready …");
  else if (ready && find("#status").textContent === "Getting ready …") {
    say("idle", "");
    tryOut();
  }
  if (isSheet) watchSheet(sheet);
  else if (find("#status").dataset.state === "sheet") endSheet(sheet);
  showQueue();
  showSheet();
}

// A sheet is not shown as it grows: only how far it is.
function watchSheet(sheet) {
  const ended = sheet.filter((job) => ENDED.includes(job.state)).length;
  const share = sheet.reduce((sum, job) => sum + (ENDED.includes(job.state) ? 1 : job.share), 0);
  find("#bar").hidden = false;
  const count = Math.max(sheet.length, sheet[0].sheet === chosen.sheet ? chosen.ofSheet : 0);
  find("#bar").value = share / count;
  say("sheet", `${lately}A sheet: picture ${ended + 1} of ${count}`);
}

function endSheet(sheet) {
  const failed = sheet.find((job) => job.message);
  if (failed) say("failed", failed.message);
  else say("idle", sheet.some((job) => job.work) ? "The sheet is made: choose one." : "");
}

const PAUSE = 4000;  // Milliseconds between two sentences on how far a film is.
let [saidStep, saidAt] = [0, 0];
let pace = {};  // The number of a film's job, and the frame that was being made at a time.

// About how long a film will take; its first frame takes longer than others.
function timeLeft({number, step, steps}) {
  if (pace.number !== number || pace.step <= 1) pace = {number, step, time: Date.now()};
  if (step === pace.step) return "";
  const minutes = (Date.now() - pace.time) / (step - pace.step) * (steps - step + 1) / 60000;
  const [count, unit] = minutes > 90 ? [minutes / 60, "hours"] : minutes > 1.5 ? [minutes, "minutes"] : [60 * minutes, "seconds"];
  return `, about ${Math.ceil(count)} ${unit} left`;
}

function watch(job) {
  shownEnd = "";
  if (job.state === "waiting") {
    const ahead = jobs.filter((each) => each.number < job.number && !ENDED.includes(each.state)).length;
    say("waiting", ahead ? `Waiting for ${ahead} before it.` : "Getting ready …");
  } else if (job.state === "running") {
    find("#bar").value = job.share;
    if (!job.step) {
      find("#bar").removeAttribute("value");
      say("loading", `${lately}Loading the network …`);
    } else {
      const left = isFilm(job.recipe) ? timeLeft(job) : "";
      const isDue = isFilm(job.recipe) ? Date.now() > saidAt + PAUSE : job.step % 10 === 0;
      if (isDue || find("#status").dataset.state !== "running") {
        // Of a frame that takes long it is said how much of it is done.
        const done = Math.round(100 * (job.share * job.steps - job.step + 1));
        const part = isFilm(job.recipe) && job.step === saidStep ? `, ${done} % of it` : "";
        [saidStep, saidAt] = [job.step, Date.now()];
        const size = job.size ? `, at ${job.size[0]} × ${job.size[1]}` : "";
        const act = kindOf(job.recipe) === "one_pass" ? "Painting" : "Growing";
        const what = `${act}${lately && " the next"}: ${isFilm(job.recipe) ? "frame" : "step"}`;
        say("running", `${lately}${what} ${job.step} of ${job.steps}${part}${size}${left}`);
      }
    }
    look(job);
  } else if (job.state === "stopping") {
    say("stopping", job.step ? "Stopping …" : "Stopping, once the network is loaded …");
  }
}

let looking = false;
let seen = "";

// Fetches the latest preview; the server draws the next one only then.
async function look(job) {
  const key = `${job.number}/${job.preview}`;
  if (looking || !job.preview || key === seen || brushed) return;
  looking = true;
  seen = key;
  try {
    const blob = await getBlob(`/jobs/${job.number}/preview?n=${job.preview}`);
    if (followed === job.number) {
      const [alt, photo] = isFilm(job.recipe)
        ? [`Frame ${job.step} of ${job.steps}`, null]
        : [`The picture after ${job.step} of ${job.steps} steps`, job.recipe.photo];
      await showGrowing(blob, alt, photo);
      find("#picture").dataset.step = job.step;
    }
  } catch {
    // It may have ended meanwhile.
  } finally {
    looking = false;
  }
}

// Shows what a job has become, once: its end may be told before its number is known here.
async function end(job) {
  const key = `${job.number} ${job.state}`;
  if (shownEnd === key) return;
  shownEnd = key;
  const isFailed = ["failed", "held"].includes(job.state);
  const state = isFailed ? "failed" : job.state;
  if (!job.work) {
    say(state, isFailed ? job.message : nothingKept(job));
    return;
  }
  await works.refresh(job.work);
  const work = works.findWork(job.work);
  if (work && !brushed) await showWork(work, job.recipe.photo).catch(complain);
  const size = work ? `, ${work.width} × ${work.height}` : "";
  say(state, `${outcome(job)}${size}${isFailed ? `. ${job.message}` : ""}`);
}

const nothingKept = (job) => (isFilm(job.recipe)
  ? "Stopped before two frames were made: there is no film to keep."
  : "Stopped before there was anything to keep.");

const outcome = (job) => `${job.state === "done" ? "Done" : "Stopped, and kept"}: ${job.work}`;

const titleOf = (made) => {
  const ofFilm = isFilm(made) ? ", a film" : "";
  if (kindOf(made) !== "dream") return {painting: "Painting", one_pass: "Quick style"}[kindOf(made)] + ofFilm;
  const known = choices.dreams.find(({name}) => name === made.preset);
  return `Dream: ${known ? known.title : made.class_name || "like a picture"}${ofFilm}`;
};

function showQueue() {
  const isOfSheet = (job) => job.sheet && job.sheet === chosen.sheet;
  const waiting = jobs.filter((job) => job.state === "held" || (job.state === "waiting" && !isOfSheet(job)));
  find("#queue").hidden = !waiting.length;
  const list = find("#queue ol");
  const key = waiting.map((job) => `${job.number} ${job.state}`).join();
  if (list.dataset.key === key) return;  // So that a button that is focused stays.
  list.dataset.key = key;
  list.replaceChildren(...waiting.map((job) => {
    const title = titleOf(job.recipe) + (job.sheet ? ", of a sheet" : "");
    const button = make("button", {type: "button", ariaLabel: `Remove ${title}`}, "Remove");
    button.addEventListener("click", attempt(() => post(`/jobs/${job.number}/stop`)));
    if (job.state !== "held") return make("li", {}, make("span", {}, title), button);
    const goesOn = make("button", {type: "button", ariaLabel: `Go on with ${title}`}, "Go on");
    goesOn.addEventListener("click", attempt(() => post(`/jobs/${job.number}/go_on`)));
    return make("li", {}, make("span", {}, `${title}, not finished. `, make("small", {}, job.message)), make("div", {className: "row"}, goesOn, button));
  }));
}

function showSheet() {
  const own = chosen.sheet ? jobs.filter((job) => job.sheet === chosen.sheet) : [];
  const made = chosen.sheet ? works.worksOf(chosen.sheet) : [];
  const pending = own.filter((job) => !ENDED.includes(job.state));
  find("#sheet").hidden = !made.length && !pending.length;
  find("#sheet-stop").hidden = !pending.length;
  const place = find("#sheet .gallery");
  const key = [...made.map((work) => work.name), ...pending.map((job) => job.number)].join();
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  const finished = made.toReversed().map((work) => works.button(work, labelOf(work.recipe), () => {
    const {size, photo} = chosen;
    follow(work.recipe);
    Object.assign(chosen, {size, photo});
    taken();
  }));
  const growing = pending.map((job) => make("button", {type: "button", disabled: true},
    make("span", {className: "pending"}, "…"), make("span", {}, labelOf(job.recipe))));
  place.replaceChildren(...finished, ...growing);
}

function labelOf(made) {
  if (made.kind === "dream") {
    return `${titleOf(made).slice(7)}, × ${made.strength}${made.seed ? `, throw ${made.seed}` : ""}`;
  }
  if (made.kind === "painting") return `Strength × ${made.style_strength}, strokes × ${made.style_size}`;
  const title = choices.styles.find(({name}) => name === made.styles[0].style)?.title || "A picture";
  return `${title}, ${Math.round(100 * made.strength)} %`;
}

// Settings were taken over from a picture.
function taken() {
  remember();
  form.show();
  changed(false);
  say("idle", "Its settings are taken over.");
  find("#form").scrollIntoView({block: "nearest"});
}

const repeat = attempt(async (work) => {
  closeBrush();
  const {photo} = work.recipe;
  const known = await describe(photo).catch(() => null);
  follow(work.recipe);
  if (!known) {
    taken();
    throw new Error("The photo of this picture is not here any more: choose one.");
  }
  chosen.photo = known;
  taken();
  await openPhoto();
  await showWork(work, photo);
  seePicture();
});

const goOn = attempt(async (work) => {
  const file = await getBlob(`/works/${encodeURIComponent(work.name)}`);
  await setPhoto(await upload(file, choices), file.type);
});

// Forgets the pictures of a studio that was closed since, of which nothing was made.
async function forgetLost() {
  const isHere = await Promise.all(chosen.own.map((name) => getBlob(photoUrl(name)).then(() => true, () => false)));
  chosen.own = chosen.own.filter((_, i) => isHere[i]);
  const known = (name) => !/^[0-9a-f]{16}$/.test(name) || chosen.own.includes(name);
  for (const list of ["quick", "painting"]) chosen[list] = chosen[list].filter(known);
  if (!known(chosen.guide || "")) chosen.guide = null;
}

// ---- Start ------------------------------------------------------------------------------------

attempt(async () => {
  choices = await getJson("/choices");
  listenForPhotos();
  listenForBrush();
  form.start(choices, changed, takeStyle);
  showSheetButtons();
  works.onChoice(repeat, goOn);
  find("#form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  find("#sheet-stop").addEventListener("click", attempt(() => Promise.all(
    jobs.filter((job) => job.sheet === chosen.sheet && !ENDED.includes(job.state))
      .map((job) => post(`/jobs/${job.number}/stop`)))));
  find("#stop").addEventListener("click", attempt(() => post(`/jobs/${followed}/stop`)));
  await forgetLost();
  await works.refresh();
  await openPhoto().catch(() => {
    chosen.photo = null;  // Of a studio that was closed since.
    return openPhoto();
  });
  form.show();
  listenForEvents();
  document.body.dataset.ready = "true";
})();
