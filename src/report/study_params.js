// The charts of parameters: parallel coordinates, slices, contours; and the intermediate values of trials.
(() => {
  "use strict";
  const { element, shape, number, plural, axis, colour, fade, ramp, rampColour, words, chart } = plot;
  const { data, values, params, axes, feasible, complete, numbers, section, note, choices, picker, keys, key, head, band, valueBand } = study;
  const infeasible = complete.some((i) => !feasible[i]);

  // ---- parallel coordinates -----------------------------------------------------------------------------------------
  const linesMost = 3000;
  const axesMost = 12;
  const wide = { all: false };
  const brushes = new Map();  // axis -> [low, high], 0..1
  // The lines that are drawn, worst first: when there are too many, the best and an even choice of the others.
  const parallelLines = () => {
    const sorted = study.finite().sort((a, b) => study.level(b) - study.level(a) || b - a);
    if (sorted.length <= linesMost) return sorted;
    const kept = 500;
    const others = sorted.slice(0, sorted.length - kept);
    return Array.from({ length: linesMost - kept }, (_, k) => others[Math.floor((k * others.length) / (linesMost - kept))]).concat(sorted.slice(-kept));
  };
  const parallelAxes = () => {
    const shown = wide.all ? study.order() : study.order().slice(0, axesMost);
    const lines = data.objectives.map((one, k) => {
      const scale = study.valueAxis(k, "focus", study.chosen.scale);
      return { id: `o${k}`, name: one.name, scale, u: (i) => Math.min(1, Math.max(0, Number.isNaN(values[k][i]) ? 0 : scale.at(values[k][i]))), strong: true };
    });
    return lines.concat(shown.map((p) => ({ id: `p${p}`, name: data.parameters[p].name, scale: axes[p], u: (i) => (Number.isNaN(params[p][i]) ? -0.075 : axes[p].at(params[p][i])), strong: false, some: complete.some((i) => Number.isNaN(params[p][i])) })));
  };
  const passes = (columns, i) => columns.every((one) => {
    const range = brushes.get(one.id);
    if (!range) return true;
    const u = one.u(i);
    return u >= range[0] - 1e-9 && u <= range[1] + 1e-9;
  });
  // Drags on an axis choose a range of it; a press without a drag takes the choice back.
  const brushing = (handle, id, box, redraw) => {
    const at = (event) => {
      const area = handle.getBoundingClientRect();
      return Math.min(1, Math.max(-0.1, 1.1 - ((event.clientY - area.top) / area.height) * 1.2));
    };
    handle.addEventListener("click", (event) => event.stopPropagation());
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const start = at(event);
      brushes.delete(id);
      const move = (next) => {
        const end = at(next);
        if (Math.abs(end - start) > 0.015) brushes.set(id, [Math.min(start, end), Math.max(start, end)]);
        redraw();
      };
      const stop = () => {
        window.removeEventListener("pointermove", move);
        redraw();
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", stop, { once: true });
    });
  };
  // The first and the last name begin or end with the chart when they are too long to stand in the middle of their axis.
  const heading = (name, style, k, at, room, width) => {
    const last = at > width / 2;
    const end = last ? width - at : at;
    const outer = k === 0 || at + room > width;
    if (!outer || plot.measure(name) * 1.08 < 2 * end) return words(name, { x: at, y: 16, class: `${style} middle` }, room - 12);
    return words(name, { x: last ? width - 2 : 2, y: 16, class: `${style} ${last ? "end" : ""}` }, end + room / 2 - 12);
  };
  const parallelPaint = (lines, columns, redraw) => ({ ctx, art, width, height }) => {
    const missing = columns.some((one) => one.some);
    const tilted = (width - 90) / columns.length < 84;
    const box = { left: 62, right: width - 62, top: tilted ? 36 + 0.53 * Math.min(120, Math.max(...columns.map((one) => plot.measure(one.name)))) : 34, bottom: height - (missing ? 40 : 20) };
    const tall = box.bottom - box.top;
    const x = (k) => (columns.length > 1 ? box.left + (k * (box.right - box.left)) / (columns.length - 1) : (box.left + box.right) / 2);
    const y = (u) => box.bottom - u * tall;
    const path = (i) => columns.map((one, k) => [x(k), y(one.u(i))]);
    const alpha = Math.min(0.75, Math.max(0.04, 110 / Math.max(1, lines.length)));
    const faint = colour("faint");
    const here = lines.filter((i) => passes(columns, i));
    const active = new Set(here);
    ctx.lineJoin = "round";
    const stroke = (i, tone, thick) => {
      ctx.beginPath();
      path(i).forEach(([px, py], k) => (k ? ctx.lineTo(px, py) : ctx.moveTo(px, py)));
      ctx.strokeStyle = tone;
      ctx.lineWidth = thick;
      ctx.setLineDash(feasible[i] ? [] : [2, 3]);
      ctx.stroke();
    };
    if (brushes.size) for (const i of lines) if (!active.has(i)) stroke(i, fade(faint, 0.06), 1);
    here.forEach((i, k) => {
      // The best ones more firmly: about one in twelve, at most some eighty.
      const firm = (here.length > 1 ? k / (here.length - 1) : 1) ** Math.max(12, here.length / 80);
      stroke(i, rampColour(study.level(i), alpha + (0.9 - alpha) * firm), 1.1 + 0.5 * firm);
    });
    ctx.setLineDash([]);
    columns.forEach((one, k) => {
      const at = x(k);
      art.append(shape("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, class: "rule" }));
      const style = one.strong ? "strong" : "name";
      art.append(tilted ? words(one.name, { transform: `translate(${at - 2} ${box.top - 10}) rotate(-32)`, class: style }, 120)
        : heading(one.name, style, k, at, (box.right - box.left) / Math.max(1, columns.length - 1), width));
      for (const [u, text] of one.scale.ticks(columns.length > 16 ? 4 : 6)) art.append(words(text, { x: k ? at + 5 : at - 6, y: y(u) + 4, class: k ? "tick halo" : "tick end" }, !k ? at - 8 : k + 1 === columns.length ? width - at - 8 : (box.right - box.left) / Math.max(1, columns.length - 1) - 10));
      if (one.some) art.append(words("not set", { x: at, y: y(-0.075) + 16, class: "tick middle" }, 60));
      const range = brushes.get(one.id);
      if (range) art.append(shape("rect", { x: at - 7, width: 14, y: y(range[1]), height: Math.max(2, y(range[0]) - y(range[1])), class: "brush" }));
      const handle = shape("rect", { x: at - 11, width: 22, y: y(1.1), height: 1.2 * tall, class: "handle" });
      brushing(handle, one.id, box, redraw);
      art.append(handle);
    });
    // The line that passes nearest: between two axes lines are straight.
    const near = (px, py) => {
      const k = Math.min(columns.length - 2, Math.max(0, Math.floor(((px - box.left) / (box.right - box.left)) * (columns.length - 1))));
      if (columns.length < 2 || py < box.top - 20) return -1;
      const part = Math.min(1, Math.max(0, (px - x(k)) / (x(k + 1) - x(k))));
      let [found, least] = [-1, 8];
      for (let m = here.length - 1; m >= 0; m -= 1) {
        const distance = Math.abs(y(columns[k].u(here[m]) * (1 - part) + columns[k + 1].u(here[m]) * part) - py);
        if (distance < least) [found, least] = [here[m], distance];
      }
      return found;
    };
    const shown = new Set(lines);
    return { near, where: (i) => (shown.has(i) ? `M${path(i).map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L")}` : null), order: [...here].reverse(), count: lines.length };
  };
  const parallel = () => {
    const lines = parallelLines();
    if (!lines.length || !data.parameters.length) return;
    const panel = section("parallel");
    const columns = parallelAxes();
    let one = null;
    const clear = element("button", { type: "button", className: "more" }, "show all ranges");
    const redraw = () => {
      one.draw();
      clear.hidden = !brushes.size;
    };
    clear.hidden = !brushes.size;
    clear.addEventListener("click", () => {
      brushes.clear();
      redraw();
    });
    const count = data.parameters.length;
    head(panel, count > axesMost && choices("parameters", [[false, `${axesMost} most important`], [true, `all ${count}`]], wide.all, (all) => {
      wide.all = all;
      brushes.clear();
      parallel();
    }), clear, keys(valueBand(), infeasible && element("span", {}, "infeasible: dotted")));
    one = chart(panel, { height: 430, label: `Parallel coordinates of ${plural(lines.length, "trial")} over ${columns.length} axes.`, paint: parallelPaint(lines, columns, redraw) });
    note(panel, "Drag along an axis to see only the trials that pass there.", lines.length < study.finite().length && `${plural(lines.length, "line")} of ${study.finite().length.toLocaleString("en-US")} are drawn: the 500 best and an even choice of the others.`);
  };

  // ---- slices -------------------------------------------------------------------------------------------------------
  const slicesMost = 12;
  const all = { slices: false };
  // Trials of a category stand side by side, always at the same places.
  const spread = (i) => (((numbers[i] * 2654435761) % 4294967296) / 4294967296 - 0.5) * 0.56;
  const slicePaint = (p, y) => ({ ctx, art, width, height }) => {
    const box = { left: 58, right: width - 10, top: 8, bottom: height - 42 };
    const x = axes[p];
    const pad = x.choices ? 0 : 0.03;
    const inner = { ...x, at: (v) => pad + x.at(v) * (1 - 2 * pad), ticks: (room) => x.ticks(room).map(([u, text]) => [pad + u * (1 - 2 * pad), text]) };
    const { px, py } = plot.frame({ ctx, art }, box, inner, y, { xTitle: data.parameters[p].name, xRoom: 46, yRoom: 34 });
    const shown = complete.filter((i) => !Number.isNaN(params[p][i]) && Number.isFinite(study.column()[i]));
    const last = Math.max(1, numbers[numbers.length - 1]);
    const points = shown.map((i) => [px(x.choices ? params[p][i] + spread(i) : params[p][i]), y.log && study.column()[i] <= 0 ? box.bottom + 9 : Math.min(1e6, Math.max(-1e6, py(study.column()[i]))), i]);
    study.dots(ctx, box, points, { size: shown.length > 1500 ? 1.6 : 2.7, paint: (i) => rampColour(0.88 * (1 - numbers[i] / last), shown.length > 1500 ? 0.55 : 0.85), hollow: colour("faint") });
    const at = study.bestOf();
    const place = points.find((point) => point[2] === at);
    if (place) art.append(study.star(place[0], place[1], 6.5));
    return { near: plot.nearest(points, 9), where: plot.byTrial(points), order: points.slice().sort((a, b) => a[0] - b[0]).map((point) => point[2]), count: points.length };
  };
  const slice = () => {
    const order = study.order();
    if (!study.finite().length || !order.length) return;
    const panel = section("slice");
    head(panel, keys(band("first trial", "last", 0.88, 0), infeasible && key("hollow", "infeasible"), key("mark", "best")));
    const holder = element("div", { className: "small" });
    panel.append(holder);
    const y = study.valueAxis(study.target().objective);
    for (const p of all.slices ? order : order.slice(0, slicesMost)) {
      chart(holder, { height: 210, label: `${study.objective().name} by ${data.parameters[p].name}.`, paint: slicePaint(p, y) });
    }
    if (order.length > slicesMost) {
      const more = element("button", { type: "button", className: "more" }, all.slices ? `only the ${slicesMost} most important` : `all ${order.length} parameters`);
      more.addEventListener("click", () => {
        all.slices = !all.slices;
        slice();
      });
      panel.append(more);
    }
    note(panel, `Vertical axis: ${study.goalName(study.objective())}.`, order.length > slicesMost && !all.slices && `The ${slicesMost} most important of ${order.length} parameters.`, data.parameters.some((_, p) => complete.some((i) => Number.isNaN(params[p][i]))) && "A trial that does not have a parameter is missing there.");
  };

  // ---- contours -----------------------------------------------------------------------------------------------------
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const code = new Map([...letters].map((letter, i) => [letter, i]));
  const { contours } = data;
  const nodes = (p) => (data.parameters[p].scale === "category" ? data.parameters[p].choices.length : contours.nodes);
  const pairIndex = (a, b, n) => (a * (2 * n - a - 1)) / 2 + (b - a - 1);
  // The surface with parameter x across and y up, both places in contours.params; null where they never meet.
  const surface = (place, x, y) => {
    const [a, b] = x < y ? [x, y] : [y, x];
    const text = contours.surfaces[place][pairIndex(a, b, contours.params.length)];
    if (!text) return null;
    const [columns, rows] = [nodes(contours.params[a]), nodes(contours.params[b])];
    const [low, high] = span(place);
    const at = (k) => code.get(text[k]);
    const cell = (c, r) => {
      const k = 3 * (r * columns + c);
      const whole = 64 * at(k) + at(k + 1);
      return [whole === 4095 ? NaN : (whole / 4094 - low) / (high - low), at(k + 2) / 63];
    };
    const cells = Array.from({ length: columns * rows }, (_, k) => cell(k % columns, Math.floor(k / columns)));
    return x < y ? { columns, rows, get: (c, r) => cells[r * columns + c] } : { columns: rows, rows: columns, get: (c, r) => cells[c * columns + r] };
  };
  // The levels that the surfaces of an objective span where trials are near, so that all are painted alike.
  const spans = [];
  const span = (place) => {
    if (!spans[place]) {
      let [low, high] = [1, 0];
      for (const text of contours.surfaces[place]) {
        for (let k = 0; text && k < text.length; k += 3) {
          if (code.get(text[k + 2]) < 20) continue;
          const whole = 64 * code.get(text[k]) + code.get(text[k + 1]);
          if (whole !== 4095) [low, high] = [Math.min(low, whole / 4094), Math.max(high, whole / 4094)];
        }
      }
      spans[place] = high > low ? [low, high] : [0, 1];
    }
    return spans[place];
  };
  // Where along its nodes a share of the axis lies: two nodes and the part of the second; categories are not mixed.
  const between = (p, u, count) => {
    if (data.parameters[p].scale === "category") {
      const node = Math.min(count - 1, Math.floor(u * count));
      return [node, node, 0];
    }
    const place = Math.min(count - 1, Math.max(0, u * (count - 1)));
    const below = Math.min(Math.floor(place), Math.max(0, count - 2));
    return [below, Math.min(below + 1, count - 1), place - below];
  };
  const heat = (ctx, box, one, px, py, step) => {
    const [w, h] = [Math.max(2, Math.round((box.right - box.left) / step)), Math.max(2, Math.round((box.bottom - box.top) / step))];
    const image = new ImageData(w, h);
    const table = ramp();
    for (let r = 0; r < h; r += 1) {
      const [y0, y1, v] = between(py, 1 - (r + 0.5) / h, one.rows);
      for (let c = 0; c < w; c += 1) {
        const [x0, x1, u] = between(px, (c + 0.5) / w, one.columns);
        const mix = (k) => (one.get(x0, y0)[k] * (1 - u) + one.get(x1, y0)[k] * u) * (1 - v) + (one.get(x0, y1)[k] * (1 - u) + one.get(x1, y1)[k] * u) * v;
        const value = mix(0);
        if (Number.isNaN(value)) continue;
        const [red, green, blue] = table[Math.round(255 * Math.min(1, Math.max(0, value)))];
        image.data.set([red, green, blue, Math.round(255 * (0.16 + 0.84 * mix(1)))], 4 * (r * w + c));
      }
    }
    const layer = element("canvas", { width: w, height: h });
    layer.getContext("2d").putImageData(image, 0, 0);
    ctx.imageSmoothingEnabled = step > 1;
    ctx.drawImage(layer, box.left, box.top, box.right - box.left, box.bottom - box.top);
  };
  // Lines of equal value between nodes (marching squares), only between numbers.
  const isolines = (ctx, box, one) => {
    const x = (c) => box.left + (c / (one.columns - 1)) * (box.right - box.left);
    const y = (r) => box.bottom - (r / (one.rows - 1)) * (box.bottom - box.top);
    ctx.beginPath();
    for (let k = 1; k < 10; k += 1) {
      const limit = k / 10;
      for (let r = 0; r + 1 < one.rows; r += 1) {
        for (let c = 0; c + 1 < one.columns; c += 1) {
          const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]].map(([i, j]) => [x(i), y(j), one.get(i, j)[0]]);
          const cuts = [];
          corners.forEach(([ax, ay, av], i) => {
            const [bx, by, bv] = corners[(i + 1) % 4];
            if (av >= limit !== bv >= limit) cuts.push([ax + ((limit - av) / (bv - av)) * (bx - ax), ay + ((limit - av) / (bv - av)) * (by - ay)]);
          });
          for (let i = 0; i + 1 < cuts.length; i += 2) {
            ctx.moveTo(...cuts[i]);
            ctx.lineTo(...cuts[i + 1]);
          }
        }
      }
    }
    ctx.strokeStyle = fade(colour("panel"), 0.55);
    ctx.lineWidth = 1;
    ctx.stroke();
  };
  const isNumber = (p) => data.parameters[p].scale !== "category";
  const pointsMost = 2000;
  const shown = { x: 0, y: 1 };
  const contourPaint = (one, x, y) => ({ ctx, art, width, height }) => {
    const [px, py] = [contours.params[x], contours.params[y]];
    const box = { left: 72, right: width - 86, top: 10, bottom: height - 46 };
    if (one) heat(ctx, box, one, px, py, 2);
    if (one && isNumber(px) && isNumber(py)) isolines(ctx, box, one);
    const at = plot.frame({ ctx, art }, box, axes[px], axes[py], { xTitle: data.parameters[px].name, yTitle: data.parameters[py].name, grid: false });
    art.append(shape("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top, fill: "none", class: "rule" }));
    // Colours and what they mean.
    const bar = { left: width - 66, top: box.top + 20, bottom: box.bottom };
    for (let k = 0; k < 128; k += 1) {
      ctx.fillStyle = rampColour((k + 0.5) / 128);
      ctx.fillRect(bar.left, bar.top + (k * (bar.bottom - bar.top)) / 128, 12, (bar.bottom - bar.top) / 128 + 0.6);
    }
    const goal = study.objective();
    const [low, high] = span(study.chosen.place);
    const value = (u) => goal.best + (low + u * (high - low)) * (goal.worst - goal.best);
    [0, 0.25, 0.5, 0.75, 1].forEach((u) => art.append(words(`${u === 1 && high === 1 && goal.cut ? (goal.sign > 0 ? "≥ " : "≤ ") : ""}${number(Number(value(u).toPrecision(3)))}`, { x: bar.left + 17, y: bar.top + 4 + u * (bar.bottom - bar.top), class: "tick" })));
    art.append(words(goal.name, { x: width - 4, y: box.top + 8, class: "axis end" }, 80));
    const together = study.finite().filter((i) => !Number.isNaN(params[px][i]) && !Number.isNaN(params[py][i])).sort((a, b) => study.level(b) - study.level(a) || a - b);
    const drawn = together.length <= pointsMost ? together : together.filter((_, k) => k >= together.length - 500 || k % Math.ceil(together.length / (pointsMost - 500)) === 0);
    const points = drawn.map((i) => [at.px(params[px][i] + (isNumber(px) ? 0 : spread(i))), at.py(params[py][i] + (isNumber(py) ? 0 : spread(i + 7 < numbers.length ? i + 7 : i))), i]);
    const ink = colour("ink");
    for (const [cx, cy, i] of points) {
      ctx.beginPath();
      ctx.arc(cx, cy, drawn.length > 500 ? 1.6 : 2.4, 0, 7);
      ctx.fillStyle = feasible[i] ? fade(ink, 0.75) : colour("panel");
      ctx.strokeStyle = feasible[i] ? fade(colour("panel"), 0.8) : colour("faint");
      ctx.lineWidth = 0.9;
      ctx.fill();
      ctx.stroke();
    }
    const star = points.find((point) => point[2] === study.bestOf());
    if (star) art.append(study.star(star[0], star[1], 8));
    return { near: plot.nearest(points, 10), where: plot.byTrial(points), order: points.map((point) => point[2]).reverse(), count: points.length };
  };
  // Small pictures of the most important pairs, which lead to the large one.
  const thumbs = (panel, redraw) => {
    const count = Math.min(5, contours.params.length);
    if (count < 3) return;
    const grid = element("div", { className: "thumbs" });
    grid.style.gridTemplateColumns = `minmax(0, 0.9fr) repeat(${count - 1}, minmax(0, 1fr))`;
    for (let y = 1; y < count; y += 1) {
      grid.append(element("span", { title: data.parameters[contours.params[y]].name }, element("bdi", {}, data.parameters[contours.params[y]].name)));
      for (let x = 0; x < count - 1; x += 1) {
        if (x >= y) {
          grid.append(element("span"));
          continue;
        }
        const one = surface(study.chosen.place, x, y);
        const names = [x, y].map((k) => data.parameters[contours.params[k]].name);
        const button = element("button", { type: "button", className: "thumb", title: names.join(" × "), "aria-label": `contour of ${names.join(" and ")}`, "aria-pressed": String(shown.x === x && shown.y === y) });
        button.addEventListener("click", () => {
          [shown.x, shown.y] = [x, y];
          redraw();
        });
        grid.append(button);
        button.pending = () => chart(button, { height: (w) => w, label: "", paint: ({ ctx, width, height }) => {
          const box = { left: 0, right: width, top: 0, bottom: height };
          ctx.fillStyle = colour("grid");
          ctx.fillRect(0, 0, width, height);
          if (one) heat(ctx, box, one, contours.params[x], contours.params[y], 2);
          return { near: () => -1, where: () => null, order: [], count: one ? one.columns * one.rows : 0 };
        } });
      }
    }
    grid.append(element("span"));
    for (let x = 0; x < count - 1; x += 1) grid.append(element("span", { title: data.parameters[contours.params[x]].name }, element("bdi", {}, data.parameters[contours.params[x]].name)));
    panel.append(grid);
    for (const button of grid.querySelectorAll(".thumb")) {
      button.pending();
      const inner = button.querySelector(".plot");
      inner.tabIndex = -1;
      inner.setAttribute("aria-hidden", "true");
    }
  };
  const contour = () => {
    if (contours.params.length < 2) return;
    const panel = section("contour");
    const names = contours.params.map((p, k) => [k, data.parameters[p].name]);
    const pick = (which, other) => (value) => {
      if (shown[other] === value) shown[other] = shown[which];
      shown[which] = value;
      contour();
    };
    head(panel, picker("across", names, shown.x, pick("x", "y")), picker("up", names, shown.y, pick("y", "x")),
      keys(infeasible && key("hollow", "infeasible"), key("mark", "best")));
    const pair = element("div", { className: contours.params.length > 2 ? "pair" : "" }, element("div"));
    panel.append(pair);
    const one = surface(study.chosen.place, shown.x, shown.y);
    const [px, py] = [contours.params[shown.x], contours.params[shown.y]];
    chart(pair.firstChild, { height: 430, label: `${study.objective().name} over ${data.parameters[px].name} and ${data.parameters[py].name}.`, paint: contourPaint(one, shown.x, shown.y) });
    thumbs(pair, contour);
    const together = study.finite().filter((i) => !Number.isNaN(params[px][i]) && !Number.isNaN(params[py][i])).length;
    note(panel, one ? "The surface is a local mean of all complete trials; it is paler where few of them are near." : "No trial has both parameters.",
      together > pointsMost && `About ${pointsMost.toLocaleString("en-US")} of ${plural(together, "trial")} are drawn as points, the best among them.`,
      contours.params.length < contours.possible && `Surfaces of the ${contours.params.length} most important of ${contours.possible} parameters.`);
  };

  // ---- intermediate values ------------------------------------------------------------------------------------------
  const { reports } = data;
  const curves = reports.curves.map((one) => ({ ...one, values: one.values.map(study.real), index: numbers.indexOf(one.number) }));
  // The range of most of what was reported; the first reports of bad trials may be far away.
  const reportAxis = (log) => {
    const seen = curves.flatMap((one) => one.values).filter((v) => Number.isFinite(v)).sort((a, b) => a - b);
    if (!seen.length) return null;
    const goal = study.objective().sign;
    let [low, high] = [seen[0], seen[seen.length - 1]];
    const most = goal > 0 ? seen[Math.floor(0.95 * (seen.length - 1))] : seen[Math.ceil(0.05 * (seen.length - 1))];
    if (!log && goal > 0 && high - low > 3 * (most - low) && most > low) high = most;
    if (!log && goal < 0 && high - low > 3 * (high - most) && most < high) low = most;
    if (log && low > 0) return axis({ scale: "log", low: low / (high / low) ** 0.03, high: high * (high / low) ** 0.03 });
    const pad = (high - low) * 0.05;
    return axis({ scale: "linear", low: low - pad, high: high + pad });
  };
  const scaleOf = { reports: "linear" };
  const intermediatePaint = (y) => ({ ctx, art, width, height }) => {
    const box = { left: 66, right: width - 14, top: 12, bottom: height - 44 };
    const steps = curves.flatMap((one) => one.steps);
    const [first, last] = steps.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
    const pad = (last - first) * 0.015;
    const x = axis({ scale: "linear", low: first - pad, high: last + pad, whole: true });
    const { px, py } = plot.frame({ ctx, art }, box, x, y, { xTitle: "step", yTitle: "intermediate value" });
    const inside = (v) => Math.min(box.bottom, Math.max(box.top, y.log && v <= 0 ? box.bottom : Number.isFinite(v) ? py(v) : v > 0 ? box.top : box.bottom));
    const bestAt = study.bestOf();
    const paths = new Map();
    const points = [];
    // A value that is not a number breaks the line.
    for (const one of curves) {
      let d = "";
      let pen = "M";
      one.steps.forEach((step, k) => {
        const v = one.values[k];
        if (Number.isNaN(v)) {
          pen = "M";
          return;
        }
        d += `${pen}${px(step).toFixed(1)} ${inside(v).toFixed(1)}`;
        pen = "L";
        points.push([px(step), inside(v), one.index]);
      });
      paths.set(one.number, d);
    }
    const tone = (one) => (one.state === "c" && one.feasible && study.column().length && !Number.isNaN(study.column()[one.index]) ? rampColour(study.level(one.index), 0.75) : one.state === "r" ? fade(colour("third"), 0.8) : fade(colour("faint"), 0.5));
    const rank = (one) => (one.index === bestAt ? 2 : one.state === "c" ? 1 : 0);
    for (const one of curves.slice().sort((a, b) => rank(a) - rank(b) || study.level(b.index) - study.level(a.index) || a.number - b.number)) {
      const d = paths.get(one.number);
      if (!d) continue;
      const top = one.index === bestAt;
      ctx.strokeStyle = top ? colour("star") : tone(one);
      ctx.lineWidth = top ? 2.4 : 1.2;
      ctx.setLineDash(one.feasible ? [] : [2, 3]);
      ctx.stroke(new Path2D(d));
      ctx.setLineDash([]);
      const end = one.values.reduce((at, v, k) => (Number.isNaN(v) ? at : k), -1);
      if (one.state === "p" || one.values.length === 1) {
        ctx.fillStyle = top ? colour("star") : one.state === "c" ? tone(one) : colour("faint");
        ctx.beginPath();
        ctx.arc(px(one.steps[end]), inside(one.values[end]), 2.4, 0, 7);
        ctx.fill();
      }
    }
    return { near: plot.nearest(points), where: (i) => paths.get(numbers[i]) || null, order: curves.map((one) => one.index).filter((i) => i >= 0), count: points.length };
  };
  const intermediate = () => {
    if (!curves.length) return;
    const positive = curves.every((one) => one.values.every((v) => !(v <= 0)));
    const y = reportAxis(scaleOf.reports === "log");
    if (!y) return;
    const panel = section("intermediate");
    const has = (state) => curves.some((one) => one.state === state);
    head(panel, positive && choices("scale of intermediate values", [["linear", "linear"], ["log", "log"]], scaleOf.reports, (scale) => {
      scaleOf.reports = scale;
      intermediate();
    }), keys(has("c") && study.finite().length && valueBand(), study.bestOf() >= 0 && curves.some((one) => one.index === study.bestOf()) && key("line star", "best"), has("p") && key("faint", "pruned"), has("r") && key("third", "running"), curves.some((one) => !one.feasible) && element("span", {}, "infeasible: dotted")));
    chart(panel, { height: 340, label: `Intermediate values of ${plural(curves.length, "trial")}.`, paint: intermediatePaint(y) });
    note(panel, has("c") && "A line has the colour of its trial's value.", has("p") && "A pruned trial ends in a dot.", curves.length < reports.trials && `${plural(curves.length, "trial")} of ${reports.trials.toLocaleString("en-US")} are drawn: the best and an even choice of the others.`, reports.cut && `At most ${reports.points} values of each are drawn.`);
  };

  study.followers.push(slice, parallel);
  study.all = () => {
    study.bar();
    study.pareto();
    study.history();
    study.importance();
    parallel();
    slice();
    contour();
    intermediate();
    study.trials();
    document.documentElement.dataset.ready = "yes";
  };
  study.all();
})();
