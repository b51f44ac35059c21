// Has the service worker take over before anything large is loaded.

import { canUseThreads } from "./painter.js";

const PATIENCE = 10_000; // Milliseconds.

/**
 * Waits until the service worker keeps what is loaded from here on. Where the host does not isolate
 * the page, which several threads need, the service worker does from the next time it is loaded on:
 * so it is loaded once more.
 */
export async function takeOver() {
  const workers = navigator.serviceWorker;
  if (!workers) return; // Not at a secure address; all works but this.
  try {
    await workers.register("service_worker.js");
  } catch {
    return; // Refused, as in some private windows.
  }
  const [visit] = performance.getEntriesByType("navigation");
  if (!workers.controller) {
    if (visit.type === "reload") return; // The visitor asked to pass it over.
    const taken = new Promise((resolve) => (workers.oncontrollerchange = () => resolve(true)));
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    if (!(await Promise.race([taken, late]))) return;
  }
  if (canUseThreads && !crossOriginIsolated && visit.type !== "reload") {
    location.reload();
    await new Promise(() => {}); // The page ends here.
  }
}
