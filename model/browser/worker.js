// Keeps the page's few files, so that it works offline after the first visit. The export fills in their digest.
const OURS = `${registration.scope} `; // other pages on this host have caches of their own
const VERSION = `${OURS}DIGEST`;
const FILES = ["./", "index.html", "page.js", "inside.js", "reader.js", "layers.js", "words.js", "pocket.json", "pocket.bin", "icon.svg", "manifest.webmanifest"];
const FRESH = FILES.map((file) => new Request(file, { cache: "reload" })); // not an old copy from the browser's cache

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(FRESH)));
  self.skipWaiting();
});
self.addEventListener("activate", (event) => {
  const others = caches.keys().then((names) => names.filter((name) => name.startsWith(OURS) && name !== VERSION));
  event.waitUntil(others.then((names) => Promise.all(names.map((name) => caches.delete(name)))));
});
self.addEventListener("fetch", (event) => {
  event.respondWith(caches.match(event.request, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request)));
});
