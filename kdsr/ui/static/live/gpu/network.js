// A student on the GPU: the operators of its graph, each as a run of a shader. Not here: the shaders (`shaders.js`).

import { PACKED, UNPACKED, convolution, moved, pointwise } from "./shaders.js";

const SAME = new Set(["Transpose", "Unsqueeze", "Squeeze", "Cast"]); // of other meaning in the file only
const MOST_GROUPS = 8; // of four channels that one thread makes
const ACTIVATIONS = { Relu: "relu", PRelu: "prelu" };

export class GpuNetwork {
  /** device: a `Device`; graph: as `readGraph` gives it. An Error names an operator that is not known here. */
  constructor(device, graph) {
    Object.assign(this, { device, constants: new Map(graph.constants), kept: new Map(), sized: null });
    this.nodes = this.folded(graph.nodes);
    this.checked();
  }

  /** The buffers {input, output} of pictures and the steps between them, for an input of `width` x `height`. */
  sizedFor(width, height) {
    if (this.sized?.width !== width || this.sized?.height !== height) {
      this.release();
      this.sized = new Sized(this, width, height);
    }
    return this.sized;
  }

  release() {
    this.sized?.release();
    this.sized = null;
  }

  /** Let go of everything. */
  close() {
    this.release();
    for (const buffer of this.kept.values()) buffer.destroy();
  }

  /** `nodes` without those that make constants, and with activations inside their convolutions. */
  folded(nodes) {
    const readers = new Map();
    for (const { inputs } of nodes) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1);
    const left = [];
    for (const node of nodes) {
      const last = left.at(-1);
      if (node.operator === "DequantizeLinear" && this.constants.has(node.inputs[0])) {
        this.constants.set(node.output, dequantized(...node.inputs.map((name) => this.constants.get(name))));
      } else if (node.operator in ACTIVATIONS && last?.operator === "Conv" && last.output === node.inputs[0]
        && readers.get(last.output) === 1) {
        Object.assign(last, { activation: node.operator, slopes: node.inputs[1], output: node.output });
      } else left.push({ ...node });
    }
    return left;
  }

  checked() {
    for (const { operator } of this.nodes) {
      if (!SAME.has(operator) && !(operator in WRITERS)) throw new Error(`the operator ${operator} is not known here`);
    }
  }

  numbers(name) { return this.constants.get(name)?.values; }

  /** A buffer of constants under `key`, made once. */
  constant(key, make) {
    if (!this.kept.has(key)) this.kept.set(key, this.device.filled(make()));
    return this.kept.get(key);
  }
}

/** The steps of a network for one size of its input. */
class Sized {
  constructor(network, width, height) {
    Object.assign(this, { network, device: network.device, width, height, steps: [], free: [], made: [] });
    this.values = new Map();
    this.lastRead = new Map(network.nodes.flatMap(({ inputs }, index) => inputs.map((name) => [name, index])));
    this.input = this.buffer(4 * width * height);
    let last = this.tensor(3, width, height);
    this.add(UNPACKED, { given: [width, height], made: [width, height], bound: [this.input, last.buffer] });
    this.values.set(network.nodes[0].inputs[0], last);
    for (const [index, node] of network.nodes.entries()) {
      last = SAME.has(node.operator) ? this.value(node.inputs[0]) : WRITERS[node.operator](this, node);
      this.values.set(node.output, last);
      this.reuse(index);
    }
    const made = [last.width, last.height];
    this.output = this.buffer(4 * last.width * last.height);
    this.outputSize = made;
    this.add(PACKED, { given: made, made, bound: [last.buffer, this.output] });
  }

  value(name) {
    const value = this.values.get(name);
    if (!value) throw new Error(`nothing makes ${name}`);
    return value;
  }

  buffer(bytes) {
    const buffer = this.device.buffer(bytes);
    this.made.push(buffer);
    return buffer;
  }

  tensor(channels, width, height) {
    const groups = Math.ceil(channels / 4), bytes = 16 * groups * width * height;
    const at = this.free.findIndex(({ size }) => size === bytes);
    const buffer = at < 0 ? this.buffer(bytes) : this.free.splice(at, 1)[0];
    return { channels, groups, width, height, buffer };
  }

  /** Give back the buffers that no node behind `index` reads. */
  reuse(index) {
    const needed = new Set();
    for (const [name, value] of this.values) if (this.lastRead.get(name) > index) needed.add(value.buffer);
    const newest = this.values.get(this.network.nodes[index].output).buffer; // the last one is the result
    for (const [name, { buffer }] of this.values) {
      if (needed.has(buffer) || buffer === newest) continue;
      this.values.delete(name);
      if (!this.free.includes(buffer)) this.free.push(buffer);
    }
  }

  add(code, given) { this.steps.push(this.device.step(code, given)); }

  release() { for (const buffer of [...this.made, ...this.steps.map(({ sizes }) => sizes)]) buffer.destroy(); }
}

const WRITERS = {
  Conv: convolved,
  Relu: (sized, node) => calculated(sized, node, "max(a, vec4f(0))"),
  Add: (sized, node) => joined(sized, node, "+"),
  Mul: (sized, node) => joined(sized, node, "*"),
  QuantizeLinear: (sized, node) => {
    const { isSigned } = sized.network.constants.get(node.inputs[2]), [least, most] = isSigned ? [-128, 127] : [0, 255];
    return calculated(sized, node, `clamp(round(a / n[0]) + n[1], vec4f(${least}), vec4f(${most}))`);
  },
  DequantizeLinear: (sized, node) => calculated(sized, node, "(a - n[1]) * n[0]"),
  Gather: (sized, node) => {
    const table = sized.network.numbers(node.inputs[1]), given = sized.value(node.inputs[0]);
    return shifted(sized, node, [table.length, given.width, given.height], "channel = i32(table[c]);", table);
  },
  DepthToSpace: (sized, node) => {
    const { blocksize: side, mode } = node.attributes, { channels, width, height } = sized.value(node.inputs[0]);
    const made = channels / side ** 2, place = `(at.y % ${side}) * ${side} + at.x % ${side}`;
    const channel = mode === "CRD" ? `c * ${side ** 2} + ${place}` : `(${place}) * ${made} + c`;
    return shifted(sized, node, [made, width * side, height * side], `channel = ${channel}; origin = at / ${side};`);
  },
  SpaceToDepth: (sized, node) => {
    const { blocksize: side } = node.attributes, { channels, width, height } = sized.value(node.inputs[0]);
    const lines = `channel = c % ${channels}; let spot = c / ${channels};
  origin = at * ${side} + vec2i(spot % ${side}, spot / ${side});`;
    return shifted(sized, node, [channels * side ** 2, width / side, height / side], lines);
  },
  Concat: (sized, node) => {
    const given = node.inputs.map((name) => sized.value(name)), { width, height } = given[0];
    const made = sized.tensor(given.reduce((sum, { channels }) => sum + channels, 0), width, height);
    let first = 0;
    for (const each of given) {
      move(sized, each, made, each.channels, `into = c + ${first};`);
      first += each.channels;
    }
    return made;
  },
};

function convolved(sized, node) {
  const { network } = sized, given = sized.value(node.inputs[0]);
  const { dims: [out, into, kernel], values } = network.constants.get(node.inputs[1]);
  const { strides: [stride] = [1], pads: [pad] = [0], group = 1, dilations = [1] } = node.attributes; // ONNX's defaults
  if (group !== 1 || dilations.some((each) => each !== 1)) throw new Error("a convolution by groups or with gaps");
  const [width, height] = [given.width, given.height].map((side) => Math.floor((side + 2 * pad - kernel) / stride) + 1);
  const made = sized.tensor(out, width, height);
  const kernels = network.constant(`kernel of ${node.output}`, () => packedKernel(values, out, into, kernel));
  const rest = network.constant(`rest of ${node.output}`, () => {
    const both = new Float32Array(8 * made.groups);
    both.set(network.numbers(node.inputs[2]) ?? []);
    both.set(network.numbers(node.slopes) ?? [], 4 * made.groups);
    return both;
  });
  const block = largestDivisor(made.groups, MOST_GROUPS), activation = ACTIVATIONS[node.activation] ?? "none";
  sized.add(convolution({ kernel, stride, pad, groupsIn: given.groups, groupsOut: made.groups, block, activation }), {
    given: [given.width, given.height], made: [width, height], layers: made.groups / block,
    bound: [given.buffer, kernels, rest, made.buffer],
  });
  return made;
}

function largestDivisor(number, most) {
  let divisor = Math.min(number, most);
  while (number % divisor) divisor--;
  return divisor;
}

/** [out][in][y][x] as [y][x][group in][group out] of 4 x 4, columns by input. */
function packedKernel(values, out, into, kernel) {
  const [groupsIn, groupsOut] = [Math.ceil(into / 4), Math.ceil(out / 4)], places = kernel ** 2;
  const packed = new Float32Array(16 * places * groupsIn * groupsOut);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < into; i++) {
      const tile = (i >> 2) * groupsOut + (o >> 2), inside = 4 * (i & 3) + (o & 3);
      for (let place = 0; place < places; place++) {
        packed[16 * (place * groupsIn * groupsOut + tile) + inside] = values[(o * into + i) * places + place];
      }
    }
  }
  return packed;
}

/** `formula` of a tensor, of a second one `other`, and of the node's numbers, or of these. */
function calculated(sized, node, formula, { given = sized.value(node.inputs[0]), other = null } = {}) {
  const made = sized.tensor(given.channels, given.width, given.height), size = [given.width, given.height];
  const numbers = node.inputs.flatMap((name) => [...(sized.network.numbers(name) ?? [])]);
  const kept = numbers.length
    ? sized.network.constant(`numbers of ${node.output}`, () => Float32Array.from(numbers)) : null;
  sized.add(pointwise(formula, { hasOther: Boolean(other), hasNumbers: Boolean(kept) }), {
    given: size, made: size, layers: given.groups, bound: [given.buffer, other?.buffer, kept, made.buffer],
  });
  return made;
}

/** Two tensors, or one and a number, by `sign`. */
function joined(sized, node, sign) {
  const { constants } = sized.network;
  const [given, other] = node.inputs.filter((name) => !constants.has(name)).map((name) => sized.value(name));
  const counts = node.inputs.filter((name) => constants.has(name)).map((name) => sized.network.numbers(name).length);
  if (counts.some((count) => count !== 1)) throw new Error("a tensor joined with more than one number");
  return calculated(sized, node, `a ${sign} ${other ? "b" : "n[0]"}`, { given, other });
}

/** A tensor of [channels, width, height] whose values come from elsewhere. */
function shifted(sized, node, size, lines, table = null) {
  const made = sized.tensor(...size);
  const kept = table && sized.network.constant(`table of ${node.output}`, () => Uint32Array.from(table));
  move(sized, sized.value(node.inputs[0]), made, made.channels, lines, kept);
  return made;
}

function move(sized, given, made, layers, lines, table = null) {
  sized.add(moved(lines, Boolean(table)), {
    given: [given.width, given.height], made: [made.width, made.height], layers,
    bound: [given.buffer, table, made.buffer],
  });
}

/** Whole numbers as what they stand for; scales of one channel each, or one of all. */
function dequantized({ dims, values }, scale, zero) {
  const each = scale.values.length, length = values.length / each;
  return { dims, values: values.map((value, index) => {
    const at = each === 1 ? 0 : Math.floor(index / length);
    return (value - (zero?.values[at] ?? 0)) * scale.values[at];
  }) };
}
