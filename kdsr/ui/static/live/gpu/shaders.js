// The shaders (WGSL) of the tab Live on WebGPU. A tensor of C channels lies in a buffer as [ceil(C / 4)][height][width]
// of four floats. A picture lies in a buffer as [height][width] of four bytes, red first.

const SIZES = `struct Sizes { given: vec2i, made: vec2i, more: vec4i }
@group(0) @binding(0) var<uniform> sizes: Sizes;`;
const buffer = (binding, name, type, access = "read") =>
  `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type}>;`;
const each = (body) => `@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = vec2i(id.xy); let z = i32(id.z);
  if (any(at >= sizes.made)) { return; }
${body}
}`;
const times = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join("\n");
const shader = (...parts) => parts.join("\n");

/** What follows a convolution, as a function of its sum `s` and its slopes `p`. */
const ACTIVATIONS = {
  none: () => "s",
  relu: () => "max(s, vec4f(0))",
  prelu: (slopes) => `select(s * ${slopes}, s, s >= vec4f(0))`,
};

/**
 * A convolution with zeros around its input. Each thread makes one pixel of `block` groups of four channels.
 * Bindings: the input, the kernel as [place][group in][group out] of 4 x 4, biases and slopes, the output.
 */
export function convolution({ kernel, stride, pad, groupsIn, groupsOut, block, activation }) {
  const activated = ACTIVATIONS[activation];
  return shader(
    SIZES, buffer(1, "given", "vec4f"), buffer(2, "kernel", "mat4x4f"), buffer(3, "rest", "vec4f"),
    buffer(4, "made", "vec4f", "read_write"),
    each(`  let first = z * ${block};
${times(block, (index) => `  var s${index} = rest[first + ${index}];`)}
  for (var ky = 0; ky < ${kernel}; ky++) {
    let y = at.y * ${stride} + ky - ${pad};
    if (y < 0 || y >= sizes.given.y) { continue; }
    for (var kx = 0; kx < ${kernel}; kx++) {
      let x = at.x * ${stride} + kx - ${pad};
      if (x < 0 || x >= sizes.given.x) { continue; }
      for (var group = 0; group < ${groupsIn}; group++) {
        let v = given[(group * sizes.given.y + y) * sizes.given.x + x];
        let tile = ((ky * ${kernel} + kx) * ${groupsIn} + group) * ${groupsOut} + first;
${times(block, (index) => `        s${index} += kernel[tile + ${index}] * v;`)}
      }
    }
  }
  let place = at.y * sizes.made.x + at.x; let area = sizes.made.x * sizes.made.y;
${times(block, (index) => `  { let s = s${index};
    made[(first + ${index}) * area + place] = ${activated(`rest[${groupsOut} + first + ${index}]`)}; }`)}`),
  );
}

/** `formula` of each value `a`; where they are bound, of `b` in its place in a second tensor, and of numbers `n`. */
export function pointwise(formula, { hasOther, hasNumbers }) {
  return shader(
    SIZES, buffer(1, "one", "vec4f"), hasOther ? buffer(2, "other", "vec4f") : "",
    hasNumbers ? buffer(3, "n", "f32") : "", buffer(4, "made", "vec4f", "read_write"),
    each(`  let place = (z * sizes.made.y + at.y) * sizes.made.x + at.x;
  let a = one[place];
${hasOther ? "  let b = other[place];" : ""}
  made[place] = ${formula};`),
  );
}

/**
 * Values that move: what is in channel `c` at `at` comes from `channel` at `origin`, and goes to channel `into`.
 * `lines` say where it differs, perhaps by whole numbers in a `table`.
 */
export function moved(lines, hasTable) {
  return shader(
    SIZES, buffer(1, "given", "f32"), hasTable ? buffer(2, "table", "u32") : "",
    buffer(3, "made", "f32", "read_write"),
    each(`  let c = z; var channel = c; var origin = at; var into = c;
  ${lines}
  let source = (channel / 4) * sizes.given.x * sizes.given.y + origin.y * sizes.given.x + origin.x;
  let place = (into / 4) * sizes.made.x * sizes.made.y + at.y * sizes.made.x + at.x;
  made[place * 4 + into % 4] = given[source * 4 + channel % 4];`),
  );
}

/** A picture as a tensor of its bytes, 0 to 255. */
export const UNPACKED = shader(
  SIZES, buffer(1, "given", "u32"), buffer(2, "made", "vec4f", "read_write"),
  each(`  let place = at.y * sizes.made.x + at.x;
  made[place] = vec4f(vec3f(round(unpack4x8unorm(given[place]).rgb * 255)), 0);`),
);

/** A tensor of whole numbers from 0 to 255 as an opaque picture. */
export const PACKED = shader(
  SIZES, buffer(1, "given", "vec4f"), buffer(2, "made", "u32", "read_write"),
  each(`  let place = at.y * sizes.made.x + at.x;
  made[place] = pack4x8unorm(vec4f(given[place].rgb / 255, 1));`),
);

/** Rows of a picture combined by `taps` (weights, from [place][count]), as `resample.js` does it; not rounded. */
function rows(source, load) {
  return shader(
    SIZES, source, buffer(2, "indices", "i32"), buffer(3, "weights", "f32"), buffer(4, "made", "vec4f", "read_write"),
    each(`  let count = sizes.more.x; var sum = vec4f(0);
  for (var tap = at.y * count; tap < (at.y + 1) * count; tap++) {
    let place = vec2i(at.x, indices[tap]);
    sum += weights[tap] * ${load};
  }
  made[at.y * sizes.made.x + at.x] = sum;`),
  );
}

/** Of a texture, from the corner `more.yz` on; what is transparent becomes white. */
export const ROWS_OF_TEXTURE = shader(
  "fn whitened(p: vec4f) -> vec4f { return vec4f(p.rgb + vec3f(1 - p.a), 1) * 255; }",
  rows("@group(0) @binding(1) var given: texture_2d<f32>;", "whitened(textureLoad(given, place + sizes.more.yz, 0))"),
);
export const ROWS_OF_PICTURE = rows(
  buffer(1, "given", "u32"), "(unpack4x8unorm(given[place.y * sizes.given.x + place.x]) * 255)",
);

/** Columns of what `ROWS_...` made combined in the same way, rounded to bytes. */
export const COLUMNS = shader(
  SIZES, buffer(1, "given", "vec4f"), buffer(2, "indices", "i32"), buffer(3, "weights", "f32"),
  buffer(4, "made", "u32", "read_write"),
  each(`  let count = sizes.more.x; var sum = vec4f(0);
  for (var tap = at.x * count; tap < (at.x + 1) * count; tap++) {
    sum += weights[tap] * given[at.y * sizes.given.x + indices[tap]];
  }
  let rounded = clamp(round(sum.rgb), vec3f(0), vec3f(255));
  made[at.y * sizes.made.x + at.x] = pack4x8unorm(vec4f(rounded / 255, 1));`),
);

/** A picture onto a canvas. */
export const ONTO_CANVAS = shader(
  SIZES, buffer(1, "given", "u32"), "@group(0) @binding(2) var made: texture_storage_2d<rgba8unorm, write>;",
  each("  textureStore(made, at, unpack4x8unorm(given[at.y * sizes.made.x + at.x]));"),
);
