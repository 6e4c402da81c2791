// Pictures by their address.

/** Where the browser finds a picture; gradio's own lie behind the address of its API, also behind a proxy. */
export function address(src) {
  const { root = "", api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  return src.startsWith("/file=") ? root + prefix + src : src;
}

/** An image of `src` that begins to load. */
export function imageOf(src) { return Object.assign(new Image(), { src: address(src) }); }
