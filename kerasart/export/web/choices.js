// `Choices`: the styles that are offered, and what is chosen of them.

const find = (id) => document.getElementById(id);
const levelSelects = () => [...document.querySelectorAll("#levels select")];

export class Choices {
  #network;

  /**
   * Offers the styles of a network.
   * @param {{styles: string[], has_levels: boolean, codes?: number[][], code_shape?: number[]}}
   *   network One of any style has a code of each style, and their shape.
   */
  constructor(network) {
    this.#network = network;
    find("second").add(new Option("None", ""));
    for (const select of levelSelects()) select.add(new Option("As chosen above", ""));
    network.styles.forEach((name, number) => {
      find("styles").append(this.#offer(name, number, `styles/${number}.jpg`));
    });
    document.querySelector("input[name=style]").checked = true;
    find("levels").hidden = !network.has_levels;
    find("own").hidden = !network.codes;
    find("mix").hidden = network.styles.length < 2 && !network.codes;
    this.showNumbers();
  }

  /** Adds a style by its code, and chooses it: a painting of the visitor's, so before the others. */
  add(name, picture, code) {
    this.#network.codes.push(code);
    const label = this.#offer(name, this.#network.styles.push(name) - 1, picture);
    find("own").after(label);
    label.querySelector("input").checked = true;
  }

  /** The inputs of the network: the style, and the strength. */
  read() {
    const { styles, codes, has_levels: hasLevels } = this.#network;
    const mixture = new Float32Array(styles.length);
    const share = find("second").value ? find("share").value / 100 : 0;
    mixture[this.#chosen] += 1 - share;
    if (share) mixture[find("second").value] += share;
    const rows = levelSelects().map(({ value }) =>
      value ? mixture.map((_, style) => Number(style === Number(value))) : mixture,
    );
    const style = codes ? this.#mixCodes(hasLevels ? rows : [mixture]) : mixWeights(rows);
    return { style, strength: find("strength").value / 100 };
  }

  describe() {
    const values = [this.#chosen, find("second").value, ...levelSelects().map(({ value }) => value)];
    const numbers = new Set(values.filter((value) => value !== ""));
    return [...numbers].map((number) => this.#network.styles[number]).join(", ");
  }

  /** Shows the numbers of the sliders, and which have a meaning now. */
  showNumbers() {
    for (const output of document.querySelectorAll("output")) {
      output.value = `${find(output.htmlFor).value} %`;
    }
    find("share").disabled = !find("second").value;
  }

  get #chosen() {
    return document.querySelector("input[name=style]:checked").value;
  }

  #offer(name, number, picture) {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "style", value: number });
    const image = Object.assign(new Image(), { src: picture, alt: "" });
    const words = document.createElement("span");
    words.textContent = name;
    const label = document.createElement("label");
    label.className = "style";
    label.append(input, image, words);
    for (const select of [find("second"), ...levelSelects()]) select.add(new Option(name, number));
    return label;
  }

  /** The style of a network of any: means of codes, of which each level has its own part. */
  #mixCodes(rows) {
    const { codes, code_shape: shape } = this.#network;
    const values = new Float32Array(codes[0].length);
    const length = values.length / rows.length;
    for (let at = 0; at < values.length; at++) {
      rows[Math.floor(at / length)].forEach((weight, style) => {
        if (weight) values[at] += weight * codes[style][at];
      });
    }
    return { name: "style_code", values, shape };
  }
}

/** The style of a network of named ones: weights, a row for each level. */
function mixWeights(rows) {
  const values = new Float32Array(rows.flatMap((row) => [...row]));
  return { name: "style_weights", values, shape: [rows.length, values.length / rows.length] };
}
