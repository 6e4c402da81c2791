// The elements and the style of a <kdsr-compare>. Colours come from the page's variables.

const button = (act, text, title, pressed = false) =>
  `<button type="button" data-act="${act}" title="${title}" aria-label="${title}"
    tabindex="${["out", "paint"].includes(act) ? 0 : -1}"${pressed ? ' aria-pressed="false"' : ""}>${text}</button>`;

export const TEMPLATE = `
<div class="stage"><p class="empty">The pictures appear here.</p>
  <div class="slider" role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="100" aria-valuenow="50"
    aria-label="Compare"><i></i></div>
  <canvas class="loupe" hidden aria-hidden="true"></canvas>
</div>
<div class="tools" role="toolbar" aria-label="View">
  ${button("out", "−", "Zoom out (−)")}<output data-part="zoom" title="100 %: pixel for pixel">100 %</output>
  ${button("in", "+", "Zoom in (+)")}${button("fit", "Fit", "Whole picture (0)")}
  ${button("exact", "1:1", "One picture pixel per screen pixel (1)")}
  ${button("spot", "Differences", "Go to where the two differ most, then to the next such spot")}
  ${button("flicker", "Flicker", "Show both in turn (F)", true)}${button("loupe", "Loupe", "Magnifier (L)", true)}
  ${button("columns", "Side by side", "2 to 5 pictures side by side, then the slider again")}
  ${button("fullscreen", "Full screen", "Full screen", true)}
</div>
<div class="tools" data-part="paint" role="toolbar" aria-label="Paint" hidden>
  ${button("paint", "Paint", "Paint over what is missing", true)}${button("erase", "Erase", "Take paint away", true)}
  <label>Size <input type="range" data-part="brush" min="4" max="120" value="28" aria-label="Size of the brush"></label>
  ${button("undo", "Undo", "Take the last stroke back (Ctrl+Z)")}${button("clear", "Clear", "Take all paint away")}
</div>
<p class="said" role="status"></p>`;

export const CSS = `
:host { display: block; color: var(--body-text-color, #24211e); font: inherit; background: transparent; }
.stage { position: relative; overflow: hidden; border-radius: 10px; touch-action: pan-y; user-select: none;
  margin: 0 auto;
  width: min(100%, calc(var(--tallest, min(68vh, 860px)) * var(--ratio, 1.5))); aspect-ratio: var(--ratio, 1.5);
  background: var(--stage-fill, color-mix(in srgb, var(--rule, #e4dfd8) 55%, transparent)); cursor: ew-resize;
  display: grid; grid-template-columns: repeat(var(--count, 1), minmax(0, 1fr)); gap: 2px; }
.stage.columns { width: 100%; aspect-ratio: calc(var(--ratio, 1.5) * var(--count, 1)); cursor: grab; }
.stage.painting { cursor: crosshair; touch-action: none; } .layer.ink { z-index: 2; opacity: .75; }
.tools label { display: flex; align-items: center; gap: 6px; font-size: 13.5px; min-height: 32px; }
.tools input { width: 110px; min-height: 24px; accent-color: var(--student, #0f766e); }
.empty { position: absolute; inset: 0; display: grid; place-content: center; margin: 0;
  color: var(--quiet, #6b645c); font-size: 15px; }
.empty[hidden], [hidden] { display: none !important; }
.pane { position: relative; overflow: hidden; min-width: 0; }
.layer { position: absolute; inset: 0; overflow: hidden; }
.pane::after { content: ""; position: absolute; inset: 0; z-index: 1; background: var(--body-background-fill, #fff);
  opacity: var(--fade, 0); transition: opacity .15s; pointer-events: none; }
.layer.left { clip-path: inset(0 calc(100% - var(--at)) 0 0); z-index: 1;
  background: var(--stage-fill, color-mix(in srgb, var(--rule, #e4dfd8) 55%, var(--body-background-fill, #fff))); }
.layer > * { position: absolute; max-width: none; pointer-events: none; }
.layer > .pixels { image-rendering: pixelated; }
.slider { position: absolute; z-index: 3; top: 0; bottom: 0; left: calc(var(--at, 50%) - 22px); width: 44px;
  cursor: ew-resize; outline: none; }
.slider::before { content: ""; position: absolute; left: 21px; width: 2px; top: 0; bottom: 0; background: #fff;
  box-shadow: 0 0 0 1px rgba(0, 0, 0, .35); }
.slider i { position: absolute; left: 4px; top: calc(50% - 18px); width: 36px; height: 36px; border-radius: 50%;
  background: #fff;
  box-shadow: 0 1px 5px rgba(0, 0, 0, .4); box-sizing: border-box; }
.slider i::before, .slider i::after { content: ""; position: absolute; top: 13px; border: 5px solid transparent; }
.slider i::before { left: 4px; border-right-color: #24211e; } .slider i::after { right: 4px;
  border-left-color: #24211e; }
.slider:focus-visible i { outline: 3px solid var(--student, #0f766e); outline-offset: 1px; }
.tag { position: absolute; z-index: 2; bottom: 12px; display: flex; flex-wrap: wrap; align-items: baseline;
  gap: 0 8px; max-width: calc(min(50%, var(--seen, 50%)) - 24px); overflow-wrap: anywhere;
  padding: 4px 10px; border-radius: 7px; background: rgba(20, 18, 16, .8); color: #fff; font-size: 14px;
  line-height: 1.35; box-sizing: border-box;
  pointer-events: none; transition: opacity .15s; }
.tag b { font-weight: 600; } .tag small { font-size: 12.5px; color: #e6ded3; font-variant-numeric: tabular-nums; }
.tag small:empty { display: none; }
.columns .tag { font-size: 12.5px; padding: 3px 7px; bottom: 6px; line-height: 1.25; }
.columns .tag small { font-size: 12px; }
.tag.left, .tag.alone { left: 12px; } .tag.right { right: 12px; }
  .tag.left { --seen: var(--at, 50%); } .tag.right { --seen: calc(100% - var(--at, 50%)); }
  .tag.alone { max-width: calc(100% - 24px); }
  .columns .tag.alone { left: 6px; max-width: calc(100% - 12px); overflow-wrap: anywhere; }
  .tag.away { opacity: 0; }
.tag.student { box-shadow: inset 3px 0 0 #4fc3b6; } .tag.teacher { box-shadow: inset 3px 0 0 #e79a5c; }
.loupe { position: absolute; z-index: 4; width: 168px; height: 168px; margin: -84px 0 0 -84px; border-radius: 50%;
  pointer-events: none;
  box-shadow: 0 0 0 2px #fff, 0 2px 12px rgba(0, 0, 0, .5); }
.tools { display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 4px; margin-top: 8px; }
.tools button { font: inherit; font-size: 13.5px; min-width: 34px; min-height: 32px; padding: 3px 10px;
  border-radius: 7px; cursor: pointer;
  color: inherit; background: transparent; border: 1px solid transparent; }
.tools button:hover { border-color: var(--rule, #e4dfd8); }
.tools button:focus-visible { outline: 2.5px solid var(--student, #0f766e); outline-offset: 1px; }
.tools button[aria-pressed=true] { background: var(--student, #0f766e); color: var(--on-student, #fff); }
.tools output { font-size: 13px; min-width: 52px; text-align: center; color: var(--quiet, #6b645c);
  font-variant-numeric: tabular-nums; }
.said { margin: 2px 0 0; min-height: 0; font-size: 13px; text-align: center; color: var(--quiet, #6b645c); }
.said:empty { display: none; }
:host(:fullscreen), :host(.filled) { display: grid; grid-template-rows: minmax(0, 1fr) auto auto;
  background: #151413; color: #ece8e3;
  --rule: #45403b; --quiet: #b5ada3; --stage-fill: #151413; padding: 0 0 8px; box-sizing: border-box; }
:host(:fullscreen) .tools, :host(.filled) .tools { color: #ece8e3; } /* the page's own colour for text is dark */
:host(.filled) { position: fixed; inset: 0; z-index: 1000; }
:host(:fullscreen) .stage, :host(.filled) .stage { width: 100%; height: 100%; aspect-ratio: auto; border-radius: 0;
  touch-action: none; }
/* In a presentation: the picture alone, as large as its place. */
:host([bare]) { display: grid; grid-template-rows: minmax(0, 1fr); }
:host([bare]) .tools, :host([bare]) .said, :host([untagged]) .tag { display: none; }
:host([bare]) .stage { width: 100%; height: 100%; aspect-ratio: auto; border-radius: 0; }
:host([bare]) .tag, :host([bare]) .columns .tag { font-size: var(--tag-size, 20px); }
:host([bare]) .tag small { font-size: calc(.9 * var(--tag-size, 20px)); }
@media (pointer: coarse) { .tools button, .tools input { min-height: 44px; min-width: 44px; } }
@media (min-width: 1800px) { .tag { font-size: var(--tag-size, 20px); }
  .tag small { font-size: calc(.9 * var(--tag-size, 20px)); } }
@media (max-width: 560px) { .tag { font-size: 13px; padding: 3px 8px; } .tag small { font-size: 12px; }
  .tools { gap: 0; } }
@media (prefers-reduced-motion: reduce) { .tag { transition: none; } }
@media print { :host { print-color-adjust: exact; -webkit-print-color-adjust: exact; break-inside: avoid; }
  .tools, .said, .loupe, .slider i { display: none !important; } .pane::after { display: none; }
  .stage { width: min(100%, calc(150mm * var(--ratio, 1.5))); } .stage.columns { width: 100%; } }`;
