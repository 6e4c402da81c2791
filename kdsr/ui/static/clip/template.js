// The elements and the style of a <kdsr-clip>. Colours come from the page's variables.

const button = (act, text, title, pressed = "") => `<button type="button" data-act="${act}" title="${title}"
  aria-label="${title}"${pressed && ` aria-pressed="${pressed}"`}>${text}</button>`;

export const TEMPLATE = `
<div class="stage" data-part="stage">
  <video data-part="right" playsinline muted preload="auto" hidden></video>
  <video data-part="left" playsinline preload="auto"></video>
  <div class="tag left" data-part="left-tag"><b>Before</b></div>
  <div class="tag right student" data-part="right-tag" hidden><b>Student</b><small data-part="by"></small></div>
  <div class="slider" data-part="slider" role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="100"
    aria-valuenow="50" aria-label="Before against Student" hidden><i></i></div>
</div>
<div class="tools" role="group" aria-label="Player">
  ${button("play", "▶\uFE0E", "Play (space)")}
  ${button("back", "◂\uFE0E", "Previous frame (,)")}${button("on", "▸\uFE0E", "Next frame (.)")}
  <input type="range" data-part="seek" min="0" max="0" step="0.01" value="0" aria-label="Position in the clip">
  <output data-part="time">0:00.00 / 0:00.00</output>
  ${button("sound", "Sound", "Sound (M)", "true")}${button("fullscreen", "Full screen", "Full screen")}
</div>
<p class="said" data-part="said" role="status"></p>`;

export const CSS = `
:host { display: block; color: var(--body-text-color, #24211e); font: inherit; }
[hidden] { display: none !important; }
.stage { position: relative; overflow: hidden; border-radius: 10px; margin: 0 auto; touch-action: pan-y;
  user-select: none; cursor: ew-resize; aspect-ratio: var(--ratio, 1.78);
  width: min(100%, calc(min(62vh, 860px) * var(--ratio, 1.78)));
  background: color-mix(in srgb, var(--rule, #e4dfd8) 55%, transparent); }
video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: fill; pointer-events: none; }
[data-part=left] { z-index: 1; clip-path: inset(0 calc(100% - var(--at, 100%)) 0 0); }
.slider { position: absolute; z-index: 3; top: 0; bottom: 0; left: calc(var(--at, 50%) - 22px); width: 44px;
  cursor: ew-resize; outline: none; }
.slider::before { content: ""; position: absolute; left: 21px; width: 2px; top: 0; bottom: 0; background: #fff;
  box-shadow: 0 0 0 1px rgba(0, 0, 0, .35); }
.slider i { position: absolute; left: 4px; top: calc(50% - 18px); width: 36px; height: 36px; border-radius: 50%;
  background: #fff; box-shadow: 0 1px 5px rgba(0, 0, 0, .4); }
.slider i::before, .slider i::after { content: ""; position: absolute; top: 13px; border: 5px solid transparent; }
.slider i::before { left: 4px; border-right-color: #24211e; }
.slider i::after { right: 4px; border-left-color: #24211e; }
.slider:focus-visible i { outline: 3px solid var(--student, #0f766e); outline-offset: 1px; }
.tag { position: absolute; z-index: 2; bottom: 12px; display: flex; flex-wrap: wrap; align-items: baseline;
  gap: 0 8px; max-width: calc(50% - 24px); padding: 4px 10px; border-radius: 7px; background: rgba(20, 18, 16, .8);
  color: #fff; font-size: 14px; line-height: 1.35; box-sizing: border-box; pointer-events: none; }
.tag small { font-size: 12.5px; color: #e6ded3; } .tag small:empty { display: none; }
.tag.left { left: 12px; } .tag.right { right: 12px; } .tag.away { visibility: hidden; }
.tag.student { box-shadow: inset 3px 0 0 #4fc3b6; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 4px; margin: 8px auto 0; }
.tools button { font: inherit; font-size: 13.5px; min-width: 38px; min-height: 34px; padding: 3px 8px; cursor: pointer;
  border-radius: 7px; color: inherit; background: transparent; border: 1px solid transparent; }
.tools button:hover { border-color: var(--rule, #e4dfd8); }
.tools button:focus-visible, .tools input:focus-visible { outline: 2.5px solid var(--student, #0f766e);
  outline-offset: 1px; }
.tools button[aria-pressed=false] { text-decoration: line-through; color: var(--quiet, #6b645c); }
.tools input { flex: 1 1 120px; min-width: 80px; min-height: 24px; accent-color: var(--student, #0f766e); }
.tools output { font-size: 13px; min-width: 116px; text-align: center; color: var(--quiet, #6b645c);
  font-variant-numeric: tabular-nums; }
.said { margin: 2px 0 0; font-size: 13px; text-align: center; color: var(--quiet, #6b645c); }
.said:empty { display: none; }
:host(:fullscreen) { display: grid; grid-template-rows: minmax(0, 1fr) auto auto; background: #151413; color: #ece8e3;
  --quiet: #b5ada3; --rule: #45403b; padding: 0 12px 8px; box-sizing: border-box; }
:host(:fullscreen) .stage { width: min(100%, calc((100vh - 60px) * var(--ratio, 1.78))); align-self: center; }
@media (pointer: coarse) { .tools button, .tools input { min-height: 44px; min-width: 44px; } }
@media (max-width: 560px) { .tag { font-size: 13px; padding: 3px 8px; } .tag small { display: none; }
  .tools input { order: 1; flex-basis: 100%; } }
@media print { .tools, .slider i { display: none; } }`;
