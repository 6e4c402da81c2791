// The GPU of the tab Live: its buffers, its shaders, and the queue of their runs.

const TILE = 8; // side of a workgroup, as the shaders have it
const FORMAT = "rgba8unorm";

export class Device {
  /** The GPU of this browser; an Error where there is none. */
  static async open() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) throw new Error("no GPU");
    const { maxStorageBufferBindingSize, maxBufferSize, maxTextureDimension2D } = adapter.limits;
    const requiredLimits = { maxStorageBufferBindingSize, maxBufferSize, maxTextureDimension2D };
    const device = await adapter.requestDevice({ requiredLimits });
    return new Device(device, [adapter.info?.vendor, adapter.info?.architecture].filter(Boolean).join(" "));
  }

  constructor(device, name) {
    Object.assign(this, { device, name, pipelines: new Map() });
    this.lost = device.lost.then(({ message }) => { throw new Error(`the GPU was lost: ${message}`); });
    this.lost.catch(() => {}); // it is told to whoever waits
  }

  buffer(bytes, usage = 0) {
    const kept = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC | usage;
    return this.device.createBuffer({ size: Math.max(16, Math.ceil(bytes / 4) * 4), usage: kept });
  }

  /** A buffer with the numbers of a typed array. */
  filled(values) {
    const buffer = this.buffer(values.byteLength);
    this.write(buffer, values);
    return buffer;
  }

  /** A texture for frames of [width, height]. */
  texture(size) {
    const { TEXTURE_BINDING, COPY_DST, RENDER_ATTACHMENT } = GPUTextureUsage;
    return this.device.createTexture({ size, format: FORMAT, usage: TEXTURE_BINDING | COPY_DST | RENDER_ATTACHMENT });
  }

  /** How a canvas is configured whose picture a shader writes. */
  get ofCanvas() {
    return { device: this.device, format: FORMAT, usage: GPUTextureUsage.STORAGE_BINDING, alphaMode: "opaque" };
  }

  write(buffer, values) { this.device.queue.writeBuffer(buffer, 0, values); }

  /** A frame of the browser's into a texture; where it lies on the GPU, it stays there. */
  upload(source, texture, size) {
    this.device.queue.copyExternalImageToTexture({ source }, { texture, premultipliedAlpha: true }, size);
  }

  /**
   * A run of the shader `code`, to be encoded again and again. given, made: [width, height]; layers: of the output;
   * bound: buffers or textures in the order of their bindings, null where there is none; more: four numbers.
   */
  step(code, { given, made, layers = 1, bound, more = [0, 0, 0, 0] }) {
    const pipeline = this.pipeline(code);
    const sizes = this.buffer(32, GPUBufferUsage.UNIFORM);
    this.write(sizes, new Int32Array([...given, ...made, ...more]));
    const entries = [sizes, ...bound]
      .map((each, binding) => ({ binding, resource: each instanceof GPUBuffer ? { buffer: each } : each }))
      .filter(({ resource }) => resource);
    const group = this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    return { pipeline, group, sizes, count: [...made.map((side) => Math.ceil(side / TILE)), layers] };
  }

  pipeline(code) {
    if (!this.pipelines.has(code)) {
      const module = this.device.createShaderModule({ code });
      const made = this.device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
      this.pipelines.set(code, made);
    }
    return this.pipelines.get(code);
  }

  /** Queue `steps`, in order. */
  run(steps) {
    const encoder = this.device.createCommandEncoder(), pass = encoder.beginComputePass();
    for (const { pipeline, group, count } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...count);
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /** Resolves when all that is queued was done; rejects where the GPU was lost. */
  async done() { await Promise.race([this.device.queue.onSubmittedWorkDone(), this.lost]); }

  /** What `work` returns; an Error with the GPU's own words where it refused something. */
  async checked(work) {
    for (const kind of ["validation", "out-of-memory", "internal"]) this.device.pushErrorScope(kind);
    const result = await work();
    const errors = await Promise.all([1, 2, 3].map(() => this.device.popErrorScope()));
    const error = errors.find(Boolean);
    if (error) throw new Error(error.message || "the GPU has too little memory");
    return result;
  }
}
