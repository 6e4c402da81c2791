// The student of the tab Live on WebGPU. A frame stays on the GPU: it is scaled, restored and shown from there. Where
// the browser itself degrades the input, the processor makes that one. Not here: operators (`network.js`).

import { taps } from "../resample.js";
import { Device } from "./device.js";
import { GpuNetwork } from "./network.js";
import { readGraph } from "./onnx.js";
import { COLUMNS, ONTO_CANVAS, ROWS_OF_PICTURE, ROWS_OF_TEXTURE } from "./shaders.js";

export class Gpu {
  static async open() { return new Gpu(await Device.open()); }

  constructor(device) { Object.assign(this, { device, network: null, frame: null }); }

  /** Another student, from the bytes of its graph; an Error where it needs what is not known here. */
  load(bytes) {
    const network = new GpuNetwork(this.device, readGraph(bytes));
    this.close();
    this.network = network;
  }

  /** Let go of the student. */
  close() {
    this.frame?.release();
    this.network?.close();
    Object.assign(this, { network: null, frame: null });
  }

  /**
   * The student's result: ImageBitmaps `input`, `before` and `student`, and the time of the network.
   * source: a frame of `size` [width, height]; cut: the part of it {left, top, cutWidth, cutHeight} that becomes the
   * input of {width, height}; bytes: RGBA of that input, where it is not cut from the frame.
   */
  async restore({ source, size, cut, bytes, scale }) {
    const shape = JSON.stringify([size, cut, scale]), isWarm = this.frame?.shape === shape;
    if (!isWarm) {
      this.frame?.release();
      this.frame = await this.device.checked(() => new Frame(this.device, this.network, { shape, size, cut, scale }));
    }
    const { frame, device } = this;
    if (bytes) device.write(frame.network.input, bytes);
    else {
      device.upload(source, frame.texture, size);
      device.run(frame.cutting);
    }
    device.run(frame.enlarging);
    await device.done();
    const begun = performance.now();
    device.run(frame.network.steps);
    await device.done();
    return { ...frame.shown(), networkMs: performance.now() - begun, isWarm };
  }
}

/** The buffers and steps around the network for one size of frames and one part of them. */
class Frame {
  constructor(device, network, { shape, size, cut, scale }) {
    Object.assign(this, { device, shape, owned: [], network: network.sizedFor(cut.width, cut.height) });
    const { left, top, cutWidth, cutHeight, width, height } = cut, { input, output, outputSize } = this.network;
    this.texture = this.keep(device.texture(size));
    const corner = [left, top], part = [cutWidth, cutHeight], small = [width, height];
    this.cutting = this.resizing(ROWS_OF_TEXTURE, this.texture.createView(), part, input, small, corner);
    const before = scale === 1 ? input : this.keep(device.buffer(4 * outputSize[0] * outputSize[1]));
    this.enlarging = scale === 1 ? [] : this.resizing(ROWS_OF_PICTURE, input, small, before, outputSize);
    this.pictures = { input: [input, small], before: [before, outputSize], student: [output, outputSize] };
    this.canvases = {};
    for (const [name, [, sides]] of Object.entries(this.pictures)) {
      const canvas = new OffscreenCanvas(...sides), context = canvas.getContext("webgpu");
      context.configure(device.ofCanvas);
      this.canvases[name] = { canvas, context };
    }
  }

  keep(one) {
    this.owned.push(one);
    return one;
  }

  step(code, given) {
    const step = this.device.step(code, given);
    this.keep(step.sizes);
    return step;
  }

  /** The picture or texture `from` of `given` pixels as the picture `to` of `made`: first rows, then columns. */
  resizing(code, from, given, to, made, corner = [0, 0]) {
    const [across, down] = [0, 1].map((axis) => {
      const { count, indices, weights } = taps(given[axis], made[axis]);
      return { count, bound: [indices, Float32Array.from(weights)].map((each) => this.keep(this.device.filled(each))) };
    });
    const between = [given[0], made[1]], rows = this.keep(this.device.buffer(16 * between[0] * between[1]));
    return [
      this.step(code, { given, made: between, bound: [from, ...down.bound, rows], more: [down.count, ...corner, 0] }),
      this.step(COLUMNS, { given: between, made, bound: [rows, ...across.bound, to], more: [across.count, 0, 0, 0] }),
    ];
  }

  /** The pictures as ImageBitmaps. */
  shown() {
    return Object.fromEntries(Object.entries(this.pictures).map(([name, [picture, sides]]) => {
      const { canvas, context } = this.canvases[name], target = context.getCurrentTexture().createView();
      const step = this.device.step(ONTO_CANVAS, { given: sides, made: sides, bound: [picture, target] });
      this.device.run([step]);
      step.sizes.destroy();
      return [name, canvas.transferToImageBitmap()];
    }));
  }

  release() { for (const each of this.owned) each.destroy(); }
}
