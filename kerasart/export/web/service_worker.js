// Keeps the page for times without a network, and isolates it, which several threads need.

importScripts("files.js"); // VERSION and FILES, which the export wrote.

const CACHE = `${registration.scope} ${VERSION}`; // Other pages of this origin have others.

const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
// As the page's own, which workers do not inherit.
const CONFINED = { "Content-Security-Policy": "default-src 'self' 'wasm-unsafe-eval'" };

// What paints, the runtime, is kept when it is first asked for: a device needs one of two.
const KEPT = ["./", ...FILES.filter((path) => !path.startsWith("runtime/"))];

oninstall = (event) => {
  const fresh = KEPT.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
};

onactivate = (event) => event.waitUntil(dropOldVersions().then(() => clients.claim()));

async function dropOldVersions() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(`${registration.scope} `) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

onfetch = (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(answer(event.request));
};

async function answer(request) {
  const cache = await caches.open(CACHE);
  let response = await cache.match(request, { ignoreSearch: true });
  if (!response) {
    response = await fetch(request);
    if (!response.ok) return response;
    await cache.put(request, response.clone());
  }
  const headers = new Headers(response.headers);
  const added = request.destination === "worker" ? { ...ISOLATED, ...CONFINED } : ISOLATED;
  for (const [name, value] of Object.entries(added)) headers.set(name, value);
  return new Response(response.body, { headers });
}
