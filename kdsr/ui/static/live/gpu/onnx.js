// Reads the graph of a student: as much of the ONNX format as `kdsr.restore.graph` writes.
// {nodes: [{operator, inputs, output, attributes}], constants: Map(name -> {dims, values, isSigned})}.

const VARINT = 0, EIGHT_BYTES = 1, SIZED = 2, FOUR_BYTES = 5; // how Protocol Buffers pack a field
const MODEL = { graph: 7 };
const GRAPH = { node: 1, constant: 5 };
const NODE = { input: 1, output: 2, operator: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, float: 2, integer: 3, text: 4, integers: 8 };
const TENSOR = { dims: 1, kind: 2, name: 8, raw: 9 };
const KINDS = { 1: Float32Array, 2: Uint8Array, 3: Int8Array, 6: Int32Array, 7: BigInt64Array };

/** The graph in `bytes`, a Uint8Array; an Error where it is none. */
export function readGraph(bytes) {
  const graph = new Message(bytes).bytes(MODEL.graph);
  if (!graph) throw new Error("the file holds no graph");
  const message = new Message(graph);
  return {
    nodes: message.all(GRAPH.node).map(node),
    constants: new Map(message.all(GRAPH.constant).map(constant)),
  };
}

function node(bytes) {
  const message = new Message(bytes);
  return {
    operator: message.text(NODE.operator),
    inputs: message.all(NODE.input).map(decoded),
    output: message.text(NODE.output),
    attributes: Object.fromEntries(message.all(NODE.attribute).map(attribute)),
  };
}

function attribute(bytes) {
  const message = new Message(bytes);
  const [text, integers] = [message.bytes(ATTRIBUTE.text), message.numbers(ATTRIBUTE.integers)];
  const single = message.first(ATTRIBUTE.integer) ?? message.first(ATTRIBUTE.float);
  return [message.text(ATTRIBUTE.name), text ? decoded(text) : integers.length ? integers : single];
}

function constant(bytes) {
  const message = new Message(bytes), kind = message.first(TENSOR.kind), Values = KINDS[kind];
  if (!Values) throw new Error(`numbers of kind ${kind}`);
  const raw = message.bytes(TENSOR.raw).slice(); // a copy is aligned
  const values = Float32Array.from(new Values(raw.buffer), Number);
  return [message.text(TENSOR.name), { dims: message.numbers(TENSOR.dims), values, isSigned: kind !== 2 }];
}

const decoded = (bytes) => new TextDecoder().decode(bytes);

/** A message of Protocol Buffers: its fields by number, each a list of numbers or of bytes. */
class Message {
  constructor(bytes) {
    this.fields = new Map();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length;) {
      let tag, value;
      [tag, at] = varint(bytes, at);
      const kind = tag & 7;
      if (kind === VARINT) [value, at] = varint(bytes, at);
      else if (kind === FOUR_BYTES) { value = view.getFloat32(at, true); at += 4; }
      else if (kind === EIGHT_BYTES) { value = view.getFloat64(at, true); at += 8; }
      else if (kind === SIZED) {
        [value, at] = varint(bytes, at);
        [value, at] = [bytes.subarray(at, at + value), at + value];
      } else throw new Error(`a field of kind ${kind}`);
      const number = Math.floor(tag / 8);
      this.fields.set(number, [...this.all(number), value]);
    }
  }

  all(number) { return this.fields.get(number) ?? []; }
  first(number) { return this.all(number)[0]; }
  bytes(number) { return this.first(number); }
  text(number) { return decoded(this.first(number) ?? new Uint8Array()); }

  /** Whole numbers, one by one or packed. */
  numbers(number) {
    return this.all(number).flatMap((value) => {
      if (typeof value === "number") return [value];
      const found = [];
      for (let at = 0; at < value.length;) {
        let next;
        [next, at] = varint(value, at);
        found.push(next);
      }
      return found;
    });
  }
}

/** [number, place behind it]; numbers up to 2^53. */
function varint(bytes, at) {
  let value = 0, factor = 1;
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 127) * factor;
    if (byte < 128) return [value, at];
    factor *= 128;
  }
}
