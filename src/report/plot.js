// Drawing for pages: numbers, scales, colours, and a chart made of a canvas (marks) below an SVG (axes and words). Charts know their trials:
// what the pointer or the keyboard is at is told, and shown in all the others.
const plot = (() => {
  "use strict";
  const dash = "–";

  // ---- elements -----------------------------------------------------------------------------------------------------
  const element = (name, properties, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(properties ?? {})) {
      if (key in node) node[key] = value; else node.setAttribute(key, value);
    }
    node.append(...children);
    return node;
  };
  const shape = (name, attributes, ...children) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  // ---- numbers ------------------------------------------------------------------------------------------------------
  const minus = (text) => text.replaceAll("-", "−");
  const power = (value, digits) => value.toExponential(digits).replace(/\.?0+e/, "e").replace("e+", "e");
  const number = (value) => {
    if (Number.isNaN(value)) return dash;
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e9 || size < 1e-4)) return minus(power(value, 4));
    if (size >= 1e4) return minus(value.toLocaleString("en-US", { maximumFractionDigits: size >= 1e5 ? 0 : 1 }));
    return minus(String(Number(value.toPrecision(5))));
  };
  const exact = (value) => (Number.isFinite(value) ? minus(value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential().replace("e+", "e") : String(value)) : number(value));
  // A name inside a sentence keeps its direction of writing to itself.
  const isolated = (name) => (/[^\x20-\x7e]/.test(name) ? `\u2068${name}\u2069` : name);
  const plural = (count, word) => `${count.toLocaleString("en-US")} ${word}${count === 1 ? "" : "s"}`;

  // ---- scales -------------------------------------------------------------------------------------------------------
  const linearTicks = (low, high, count) => {
    const raw = (high - low) / Math.max(1, count);
    if (!(raw > 0) || !Number.isFinite(raw)) return [low];
    const ten = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].find((factor) => factor * ten >= raw * 0.999) * ten;
    const out = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i += 1) out.push(Number((i * step).toPrecision(12)));
    return out;
  };
  const logTicks = (low, high, count) => {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    const factors = last - first >= 2 ? [1] : [1, 2, 5];
    const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, count)));
    const out = [];
    for (let i = first - 1; i <= last; i += 1) {
      if ((i - first) % every !== 0 && factors.length === 1) continue;
      for (const factor of factors) {
        const value = Number(`${factor}e${i}`);
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) out.push(value);
      }
    }
    return out.length >= 2 ? out : linearTicks(low, high, count).filter((value) => value > 0);
  };
  // Ticks of one axis are written alike.
  const tickTexts = (ticks, log) => {
    if (log) {
      const wide = ticks[0] < 1e-4 || ticks[ticks.length - 1] >= 1e6;
      return ticks.map((value) => (!wide || (value >= 0.1 && value < 1e3) ? number(value) : minus(power(value, 1))));
    }
    const size = Math.max(...ticks.map(Math.abs));
    const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : size;
    if (size >= 1e7 || (size > 0 && size < 1e-3)) {
      const digits = Math.min(8, Math.max(0, Math.ceil(Math.log10(size / step) + 0.3)));
      return ticks.map((value) => (value === 0 ? "0" : minus(power(value, digits))));
    }
    let decimals = 0;
    while (decimals < 9 && ticks.some((value) => Math.abs(value - Number(value.toFixed(decimals))) > step * 1e-6)) decimals += 1;
    return ticks.map((value) => minus(value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })));
  };

  // {scale, low, high, choices, whole}: `at` is 0..1 within the range; `whole` has ticks at whole numbers only.
  const axis = (spec) => {
    if (spec.scale === "category") {
      const count = Math.max(1, spec.choices.length);
      return {
        ...spec,
        at: (value) => (value + 0.5) / count,
        text: (value) => spec.choices[value] ?? dash,
        ticks: (room) => spec.choices.map((text, i) => [(i + 0.5) / count, text]).filter((_, i) => i % Math.ceil(count / Math.max(1, room)) === 0),
      };
    }
    const log = spec.scale === "log" && spec.low > 0;
    let { low, high } = spec;
    if (!(high > low)) {
      const pad = low === 0 ? 1 : Math.abs(low) / 2;
      [low, high] = log ? [low / 2, high * 2] : [low - pad, high + pad];
    }
    const to = log ? Math.log : (value) => value;
    const from = log ? Math.exp : (value) => value;
    const start = to(low) / 2;
    const span = to(high) / 2 - start;
    const at = (value) => (to(value) / 2 - start) / span;
    return {
      ...spec, low, high, log, at, text: number,
      value: (u) => from(2 * (start + u * span)),
      ticks: (room) => {
        const values = (log ? logTicks(low, high, room) : linearTicks(low, high, room)).filter((value) => !spec.whole || Number.isInteger(value));
        const texts = tickTexts(values, log);
        return values.map((value, i) => [at(value), texts[i]]);
      },
    };
  };

  // ---- colours ------------------------------------------------------------------------------------------------------
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const bytes = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const fade = (hex, alpha) => `rgb(${bytes(hex).join(" ")} / ${alpha})`;
  // Between colours in OKLab (Ottosson 2020), so that steps look alike.
  const toLab = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s];
  };
  const toBytes = ([L, A, B]) => {
    const l = (L + 0.3963377774 * A + 0.2158037573 * B) ** 3;
    const m = (L - 0.1055613458 * A - 0.0638541728 * B) ** 3;
    const s = (L - 0.0894841775 * A - 1.291485548 * B) ** 3;
    const linear = [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s, -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s];
    return linear.map((v) => Math.round(255 * Math.min(1, Math.max(0, v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055))));
  };
  const ramps = new Map();
  // 256 colours from the best to the worst, as the style sheet has them.
  const ramp = () => {
    const text = colour("ramp");
    if (!ramps.has(text)) {
      const stops = text.split(/[\s,]+/).map((hex) => toLab(bytes(hex)));
      ramps.set(text, Array.from({ length: 256 }, (_, i) => {
        const place = (i / 255) * (stops.length - 1);
        const below = Math.min(Math.floor(place), stops.length - 2);
        return toBytes(stops[below].map((v, k) => v + (place - below) * (stops[below + 1][k] - v)));
      }));
    }
    return ramps.get(text);
  };
  const rampColour = (level, alpha = 1) => {
    const [r, g, b] = ramp()[Math.round(255 * Math.min(1, Math.max(0, level)))];
    return `rgb(${r} ${g} ${b} / ${alpha})`;
  };

  // ---- words --------------------------------------------------------------------------------------------------------
  const ruler = document.createElement("canvas").getContext("2d");
  const measure = (text, size = 12) => {
    ruler.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
    return ruler.measureText(text).width;
  };
  // Shortened to a width; never between the halves of a character.
  const fit = (text, width, size = 12) => {
    if (measure(text, size) <= width) return text;
    const letters = [...text];
    while (letters.length > 1 && measure(`${letters.join("")}…`, size) > width) letters.length -= Math.max(1, Math.floor(letters.length / 16));
    return `${letters.join("")}…`;
  };
  const words = (text, attributes, width) => {
    const shown = width ? fit(text, width) : text;
    return shape("text", attributes, ...(shown === text ? [] : [shape("title", {}, text)]), shown);
  };

  // ---- charts -------------------------------------------------------------------------------------------------------
  const charts = [];
  const told = { hovered: -1, chosen: -1 };
  const listeners = [];
  let describe = () => [];
  const tip = element("div", { className: "tip", hidden: true });
  const showTip = (index, x, y) => {
    tip.hidden = index < 0;
    if (tip.hidden) return;
    tip.replaceChildren(...describe(index));
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, x + 16 + width > innerWidth ? x - width - 14 : x + 16)}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - height - 6))}px`;
  };
  const markAll = () => {
    for (const one of charts) one.mark();
  };
  const hover = (index) => {
    if (told.hovered === index) return;
    told.hovered = index;
    markAll();
  };
  const choose = (index) => {
    told.chosen = index;
    markAll();
    for (const listener of listeners) listener(index);
  };

  const ring = (where, style) => {
    if (!where) return [];
    if (typeof where === "string") return [shape("path", { d: where, class: `ring ${style}` })];
    return where.map(([x, y]) => shape("circle", { cx: x, cy: y, r: 6, class: `ring ${style}` }));
  };

  // A chart in `holder`. `paint` is given {ctx, art, width, height}, draws, and returns what it knows of its trials:
  // near(x, y) -> trial or -1, where(trial) -> places or a path or null, order: trials for the arrow keys, count: how many marks were drawn.
  const chart = (holder, { height, label, paint }) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const art = shape("svg", { "aria-hidden": "true", class: "art" });
    const marks = shape("svg", { "aria-hidden": "true", class: "art marks" });
    const box = element("div", { className: "plot", tabIndex: 0, role: "img", "aria-label": label }, canvas, art, marks);
    holder.append(box);
    let known = null;
    let width = 0;
    const one = { box };
    one.draw = () => {
      width = box.clientWidth;
      if (width < 20) return;
      const high = typeof height === "function" ? height(width) : height;
      const fine = Math.max(2, window.devicePixelRatio || 1);
      canvas.width = Math.round(width * fine);
      canvas.height = Math.round(high * fine);
      box.style.aspectRatio = `${width} / ${high}`;
      for (const layer of [art, marks]) {
        layer.setAttribute("viewBox", `0 0 ${width} ${high}`);
        layer.replaceChildren();
      }
      const ctx = canvas.getContext("2d");
      ctx.setTransform(fine, 0, 0, fine, 0, 0);
      known = paint({ ctx, art, width, height: high });
      box.dataset.drawn = String(known.count);
      one.mark();
    };
    one.mark = () => {
      if (!known) return;
      const { hovered, chosen } = told;
      marks.replaceChildren(...(chosen >= 0 ? ring(known.where(chosen), "chosen") : []), ...(hovered >= 0 && hovered !== chosen ? ring(known.where(hovered), "hovered") : []));
    };
    const place = (event) => {
      const frame = box.getBoundingClientRect();
      const zoom = width / frame.width;
      return known ? known.near((event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom) : -1;
    };
    box.addEventListener("pointermove", (event) => {
      const index = place(event);
      box.style.cursor = index >= 0 ? "pointer" : "";
      hover(index);
      showTip(index, event.clientX, event.clientY);
    });
    box.addEventListener("pointerleave", () => {
      hover(-1);
      showTip(-1);
    });
    box.addEventListener("click", (event) => choose(place(event)));
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
      if (event.key === "Escape") choose(-1);
      if (step === undefined || !known || !known.order.length || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const from = known.order.indexOf(told.chosen);
      choose(known.order[from < 0 && Math.abs(step) === 1 ? 0 : Math.min(known.order.length - 1, Math.max(0, from + step))]);
    });
    new ResizeObserver(() => {
      if (box.clientWidth !== width && !document.documentElement.dataset.paper) one.draw();
    }).observe(box);
    charts.push(one);
    one.draw();
    return one;
  };
  const forget = (holder) => {
    for (let i = charts.length - 1; i >= 0; i -= 1) if (holder.contains(charts[i].box)) charts.splice(i, 1);
    holder.replaceChildren();
  };
  const followers = [];  // what has colours of its own beside the charts
  const drawAll = () => {
    for (const one of charts) one.draw();
    for (const paint of followers) paint();
  };

  // The nearest of some points, within reach. Points are [x, y, trial].
  const nearest = (points, reach = 12) => (x, y) => {
    let best = reach * reach;
    let found = -1;
    for (const [px, py, index] of points) {
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < best) [best, found] = [distance, index];
    }
    return found;
  };
  const byTrial = (points) => {
    const places = new Map();
    for (const [x, y, index] of points) places.has(index) ? places.get(index).push([x, y]) : places.set(index, [[x, y]]);
    return (index) => places.get(index) ?? null;
  };

  // Grid (below all marks), ticks and titles around `box` {left, top, right, bottom}; returns functions from values to pixels.
  const frame = ({ ctx, art }, box, x, y, { xTitle = "", yTitle = "", xRoom = 74, yRoom = 44, grid = true } = {}) => {
    const px = (value) => box.left + x.at(value) * (box.right - box.left);
    const py = (value) => box.bottom - y.at(value) * (box.bottom - box.top);
    const wide = box.right - box.left;
    const tall = box.bottom - box.top;
    const rule = (...ends) => {
      if (!grid) return;
      ctx.beginPath();
      ctx.moveTo(ends[0], ends[1]);
      ctx.lineTo(ends[2], ends[3]);
      ctx.strokeStyle = colour("grid");
      ctx.lineWidth = 1;
      ctx.stroke();
    };
    for (const [u, text] of y.ticks(Math.max(2, Math.floor(tall / yRoom)))) {
      const at = box.bottom - u * tall;
      rule(box.left, at, box.right, at);
      art.append(words(text, { x: box.left - 7, y: at + 4, class: "tick end" }, box.left - (yTitle ? 22 : 10)));
    }
    const ticks = x.ticks(Math.max(2, Math.floor(wide / xRoom)));
    const room = wide / Math.max(1, ticks.length);
    for (const [u, text] of ticks) {
      const at = box.left + u * wide;
      rule(at, box.top, at, box.bottom);
      art.append(words(text, { x: at, y: box.bottom + 16, class: "tick middle" }, Math.max(24, room - 6)));
    }
    if (xTitle) art.append(words(xTitle, { x: (box.left + box.right) / 2, y: box.bottom + 34, class: "axis middle" }, wide));
    if (yTitle) art.append(words(yTitle, { transform: `translate(13 ${(box.top + box.bottom) / 2}) rotate(-90)`, class: "axis middle" }, tall));
    return { px, py };
  };

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  // Paper is light whatever the screen is. A picture of each canvas is printed: browsers print a canvas that was just drawn at another size.
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset.paper = "yes";
    drawAll();
    for (const { box } of charts) {
      const canvas = box.querySelector("canvas");
      canvas.after(element("img", { className: "printed", alt: "", src: canvas.toDataURL() }));
    }
  });
  window.addEventListener("afterprint", () => {
    delete document.documentElement.dataset.paper;
    for (const picture of document.querySelectorAll(".printed")) picture.remove();
    drawAll();
  });
  document.body.append(tip);

  return {
    dash, element, shape, number, exact, isolated, plural, axis, colour, fade, ramp, rampColour, measure, fit, words, chart, forget, drawAll, nearest, byTrial, frame, choose, told,
    onDraw: (paint) => followers.push(paint),
    onChoose: (listener) => listeners.push(listener),
    setDescribe: (how) => { describe = how; },
  };
})();
