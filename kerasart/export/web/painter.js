// `Painter`: the network, in a worker that is started anew where it fails.

const IS_WEBKIT = navigator.vendor.startsWith("Apple");
// Safari, and every browser of an iPhone, has failed with several threads, and with WebGPU.
const MOST_THREADS = IS_WEBKIT ? 1 : 4;

export const canUseThreads = MOST_THREADS > 1 && navigator.hardwareConcurrency > 1;

// A graphics processor is used if it is a real one: its emulation is slower than the processor.
async function chooseBackend() {
  const adapter = IS_WEBKIT ? null : await navigator.gpu?.requestAdapter();
  const info = adapter?.info ?? adapter;
  return adapter && !info.isFallbackAdapter ? "webgpu" : "wasm";
}

export class Painter {
  #worker = null;
  #waiting = new Map(); // What is called when the answer of an id comes.
  #count = 0;
  #backend;

  async open() {
    this.#backend ??= await chooseBackend();
    this.#worker = new Worker("worker.js", { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#waiting.get(data.id)(data);
    this.#worker.onerror = (event) => {
      this.close(event.message || "The worker could not be started.");
    };
    const threads = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
    try {
      await this.#ask({ backend: this.#backend, threads });
    } catch (error) {
      this.close();
      if (this.#backend === "wasm") throw error;
      await this.#openWithoutGraphics();
    }
  }

  /** Whether pictures come fast enough to paint larger ones at once. */
  get isFast() {
    return this.#backend === "webgpu";
  }

  /**
   * Paints a bitmap, which is used up, at its own size.
   * @param {{bitmap: ImageBitmap, strength: number, style: {name: string, values: Float32Array,
   *   shape: number[]}}} job
   * @returns {Promise<ImageData>}
   */
  paint(job) {
    return this.#compute(job, job.bitmap);
  }

  /**
   * Encodes a painting, a bitmap that is used up, for a network of any style.
   * @returns {Promise<Float32Array>}
   */
  encode(painting) {
    return this.#compute({ painting }, painting);
  }

  async #compute(job, bitmap) {
    if (!this.#worker) await this.open();
    if (!this.isFast) return this.#ask(job, [bitmap]);
    try {
      return await this.#ask(job); // Keeps the bitmap.
    } catch {
      await this.#openWithoutGraphics(); // Not every device that has WebGPU can do this with it.
      return this.#ask(job);
    } finally {
      bitmap.close();
    }
  }

  /** Ends the worker, and so gives its memory back; the next picture starts another. */
  close(reason = "closed") {
    this.#worker?.terminate();
    this.#worker = null;
    for (const answer of [...this.#waiting.values()]) answer({ error: reason });
  }

  async #openWithoutGraphics() {
    this.close();
    this.#backend = "wasm";
    await this.open();
  }

  async #ask(message, transfer = []) {
    const id = ++this.#count;
    const answered = new Promise((resolve) => this.#waiting.set(id, resolve));
    this.#worker.postMessage({ id, ...message }, transfer);
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error) throw new Error(error);
    return result;
  }
}
