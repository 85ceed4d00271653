// A study's page: its data, what readers have chosen, history, Pareto front, importance and the best trials.
const study = (() => {
  "use strict";
  const { dash, element, shape, number, exact, isolated, plural, axis, colour, fade, rampColour, words, chart, forget } = plot;
  const data = JSON.parse(document.querySelector("#study-data").textContent);
  const real = (value) => (value === null ? NaN : Number(value));
  for (const objective of data.objectives) Object.assign(objective, { best: real(objective.best), worst: real(objective.worst), sign: objective.goal === "minimize" ? 1 : -1 });
  const numbers = data.trials.number;
  const values = data.trials.values.map((column) => Float64Array.from(column, real));
  const params = data.trials.params.map((column) => Float64Array.from(column, real));
  const axes = data.parameters.map(axis);
  const feasible = [...data.trials.feasible].map((letter) => letter === "1");
  const states = [...data.trials.state];
  const complete = states.flatMap((state, i) => (state === "c" ? [i] : []));
  const infeasible = complete.filter((i) => !feasible[i]);
  const best = new Set(data.best);
  const stateNames = { c: "complete", p: "pruned", f: "failed", r: "running", w: "waiting" };
  const atNumber = new Map(numbers.map((n, i) => [n, i]));

  // ---- what readers choose ------------------------------------------------------------------------------------------
  const chosen = { place: 0, scale: "linear", span: "focus" };
  const target = () => data.targets[chosen.place];
  const objective = () => data.objectives[target().objective];
  const column = () => values[target().objective];
  const finite = () => complete.filter((i) => Number.isFinite(column()[i]));
  // 0 the best, 1 the worst; what lies beyond has the colour of the end.
  const level = (i) => {
    const { best: from, worst: to } = objective();
    return to === from ? 0 : Math.min(1, Math.max(0, (column()[i] / 2 - from / 2) / (to / 2 - from / 2)));
  };
  const goalName = (one) => `${isolated(one.name)} (${one.goal})`;

  // ---- pieces -------------------------------------------------------------------------------------------------------
  const section = (id) => {
    const whole = document.querySelector(`#${id}`);
    const panel = whole.querySelector(".panel");
    forget(panel);
    whole.hidden = false;
    return panel;
  };
  const note = (panel, ...sentences) => {
    const text = sentences.filter(Boolean).join(" ");
    if (text) panel.append(element("span", { className: "note below" }, text));
  };
  const choices = (label, options, current, pick) => {
    const group = element("span", { className: "choices", role: "group", "aria-label": label });
    for (const [value, text] of options) {
      const button = element("button", { type: "button", "aria-pressed": String(value === current) }, text);
      button.addEventListener("click", () => pick(value));
      group.append(button);
    }
    return group;
  };
  const picker = (label, options, current, pick) => {
    const list = element("select", {}, ...options.map(([value, text]) => element("option", { value: String(value), selected: value === current }, text)));
    list.addEventListener("change", () => pick(Number(list.value)));
    return element("label", { className: "pick" }, label, list);
  };
  const key = (style, text) => element("span", {}, element("i", { className: style }), text);
  const head = (panel, ...parts) => {
    const row = element("div", { className: "chart-head" }, ...parts.filter(Boolean));
    panel.append(row);
    return row;
  };
  const keys = (...items) => element("span", { className: "keys" }, ...items.filter(Boolean));
  const bands = new Map();
  const paintBands = () => {
    for (const [strip, [low, high]] of bands) {
      const stops = Array.from({ length: 9 }, (_, k) => rampColour(low + ((high - low) * k) / 8));
      strip.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    }
  };
  plot.onDraw(() => {
    for (const strip of bands.keys()) if (!strip.isConnected) bands.delete(strip);
    paintBands();
  });
  // The colours of values, from the best to the worst.
  const band = (from, to, low, high) => {
    const strip = element("i", { className: "band" });
    bands.set(strip, [low, high]);
    paintBands();
    return element("span", {}, from, strip, to);
  };
  const valueBand = () => {
    const one = objective();
    return band(number(one.best), `${one.cut ? (one.sign > 0 ? "≥ " : "≤ ") : ""}${number(one.worst)}`, 0, 1);
  };
  const thinned = () => (numbers.length < data.total ? `${plural(numbers.length, "trial")} of ${data.total.toLocaleString("en-US")} are drawn: the best, those that improved, and an even choice of the others.` : "");

  // ---- the axis of values -------------------------------------------------------------------------------------------
  // Focused on [best, worst], which leaves out a few bad trials; or all finite values. Others stand at its edge.
  const valueAxis = (which, span = chosen.span, scale = chosen.scale, among = complete) => {
    const one = data.objectives[which];
    let low = Math.min(one.best, one.worst);
    let high = Math.max(one.best, one.worst);
    if (Number.isNaN(low)) [low, high] = [0, 0];
    const seen = among.map((i) => values[which][i]).filter((v) => Number.isFinite(v));
    if (span === "all" || !one.cut) [low, high] = seen.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [low, high]);
    else if (which !== target().objective) for (const i of best) if (Number.isFinite(values[which][i])) [low, high] = [Math.min(low, values[which][i]), Math.max(high, values[which][i])];
    if (scale === "log" && low > 0) {
      const pad = (high / low) ** 0.04;
      return axis({ scale: "log", low: low / pad, high: high * pad });
    }
    const pad = (high / 2 - low / 2) * 0.08;
    return axis({ scale: "linear", low: low - pad, high: high + pad });
  };
  const logMakesSense = () => {
    const seen = finite().map((i) => column()[i]);
    const low = seen.reduce((a, b) => Math.min(a, b), Infinity);
    return low > 0 && seen.reduce((a, b) => Math.max(a, b), 0) / low > 20;
  };
  const redrawValues = () => {
    history();
    for (const redraw of study.followers) redraw();
  };
  const scaleChoices = () => {
    const parts = [];
    if (objective().cut) {
      parts.push(choices("range of values", [["focus", "best 90 %"], ["all", "all values"]], chosen.span, (span) => {
        chosen.span = span;
        redrawValues();
      }));
    }
    if (logMakesSense()) {
      parts.push(choices("scale of values", [["linear", "linear"], ["log", "log"]], chosen.scale, (scale) => {
        chosen.scale = scale;
        redrawValues();
      }));
    } else {
      chosen.scale = "linear";
    }
    return parts;
  };
  const clampedNote = (count) => (count ? `${plural(count, "value")} beyond the axis ${count === 1 ? "stands" : "stand"} at its edge as ${count === 1 ? "a triangle" : "triangles"}.` : "");

  // Points of trials: discs, hollow for infeasible ones, triangles at the edge that they lie beyond.
  const dots = (ctx, box, points, { size, paint, hollow }) => {
    let beyond = 0;
    for (const point of points) {
      const [x, y, i] = point;
      const inside = Math.min(box.bottom, Math.max(box.top, y));
      const over = Math.abs(inside - y) > 0.5;
      point[1] = inside;
      ctx.beginPath();
      if (over) {
        const way = y < inside ? 1 : -1;
        ctx.moveTo(x - 3.5, inside + 5 * way);
        ctx.lineTo(x + 3.5, inside + 5 * way);
        ctx.lineTo(x, inside - 1 * way);
        beyond += 1;
      } else {
        ctx.arc(x, inside, size, 0, 7);
      }
      if (feasible[i]) {
        ctx.fillStyle = paint(i);
        ctx.fill();
      } else {
        ctx.strokeStyle = hollow;
        ctx.lineWidth = 1.2;
        ctx.stroke();
      }
    }
    return beyond;
  };
  const star = (x, y, r) => shape("path", { d: `M${Array.from({ length: 10 }, (_, k) => { const a = (Math.PI * k) / 5 - Math.PI / 2; const l = k % 2 ? r * 0.45 : r; return `${(x + l * Math.cos(a)).toFixed(1)} ${(y + l * Math.sin(a)).toFixed(1)}`; }).join("L")}Z`, fill: colour("star"), stroke: colour("panel"), "stroke-width": 1.2 });
  // The best feasible trial of the chosen objective.
  const bestOf = () => {
    const last = target().line[target().line.length - 1];
    return last ? atNumber.get(last[0]) ?? -1 : -1;
  };

  // ---- history ------------------------------------------------------------------------------------------------------
  const historyPaint = (y, lastNumber, sayBeyond) => ({ ctx, art, width, height }) => {
    const rug = states.some((state) => state !== "c");
    const box = { left: 66, right: width - 14, top: 12, bottom: height - 44 - (rug ? 12 : 0) };
    const x = axis({ scale: "linear", low: -0.02 * lastNumber - 0.5, high: lastNumber * 1.02 + 0.5, whole: true });
    const { px, py } = plot.frame({ ctx, art }, box, { ...x, ticks: (room) => x.ticks(room).filter(([u]) => x.value(u) > -0.5) }, y, { xTitle: "trial", yTitle: goalName(objective()) });
    const points = complete.filter((i) => !Number.isNaN(column()[i])).map((i) => [px(numbers[i]), y.log && column()[i] <= 0 ? box.bottom + 9 : Math.min(1e6, Math.max(-1e6, py(column()[i]))), i]);
    const many = points.length > 1500;
    const tone = colour("accent");
    const beyond = dots(ctx, box, points, { size: many ? 2 : 3.2, paint: () => fade(tone, many ? 0.42 : 0.62), hollow: colour("faint") });
    const inside = (v) => Math.min(box.bottom, Math.max(box.top, y.log && v <= 0 ? box.bottom : py(v)));
    let d = "";
    for (const [n, v] of target().line) d += d ? `H${px(n).toFixed(1)}V${inside(real(v)).toFixed(1)}` : `M${px(n).toFixed(1)} ${inside(real(v)).toFixed(1)}`;
    if (d) art.append(shape("path", { d: `${d}H${px(lastNumber).toFixed(1)}`, class: "best" }));
    const at = bestOf();
    if (at >= 0) art.append(star(px(numbers[at]), inside(column()[at]), 8));
    // What did not complete stands below the axis.
    const tones = { p: colour("faint"), f: colour("loss"), r: colour("third"), w: colour("third") };
    let ticks = 0;
    states.forEach((state, i) => {
      if (state === "c") return;
      ctx.fillStyle = tones[state];
      ctx.fillRect(px(numbers[i]) - 0.75, height - 11, 1.5, 9);
      ticks += 1;
      points.push([px(numbers[i]), height - 6, i]);
    });
    sayBeyond(beyond);
    return { near: plot.nearest(points), where: plot.byTrial(points), order: points.map((p) => p[2]).sort((a, b) => a - b), count: complete.length + ticks };
  };
  const history = () => {
    if (!finite().length && !target().line.length) return;
    const panel = section("history");
    const counts = (state) => data.counts[state] ?? 0;
    head(panel, ...scaleChoices(), keys(
      key("accent", "trial"), infeasible.length && key("hollow", "infeasible"), target().line.length && key("line star", "best so far"), bestOf() >= 0 && key("mark", "best"),
      counts("p") && key("rug faint", `${counts("p")} pruned`), counts("f") && key("rug loss", `${counts("f")} failed`),
      (counts("r") || counts("w")) && key("rug third", `${counts("r") + counts("w")} not finished`)));
    let beyond = 0;
    chart(panel, { height: 340, label: `Optimisation history of ${objective().name}: the best value is ${number(objective().best)}. Arrow keys go from trial to trial.`, paint: historyPaint(valueAxis(target().objective), numbers[numbers.length - 1], (count) => { beyond = count; }) });
    note(panel, thinned(), clampedNote(beyond), infeasible.length && "The best so far is taken from feasible trials.",
      target().not_finite ? `${plural(target().not_finite, "trial")} ${target().not_finite === 1 ? "has" : "have"} an infinite value.` : "");
  };

  // ---- Pareto front -------------------------------------------------------------------------------------------------
  const shownAxes = [0, 1];
  const paretoPaint = (a, b) => ({ ctx, art, width, height }) => {
    const box = { left: 66, right: width - 14, top: 12, bottom: height - 44 };
    const [x, y] = [a, b].map((which) => valueAxis(which, chosen.span, "linear"));
    const { px, py } = plot.frame({ ctx, art }, box, x, y, { xTitle: goalName(data.objectives[a]), yTitle: goalName(data.objectives[b]) });
    const points = complete.filter((i) => Number.isFinite(values[a][i]) && Number.isFinite(values[b][i]))
      .map((i) => [Math.min(box.right, Math.max(box.left, px(values[a][i]))), Math.min(box.bottom + 9, Math.max(box.top - 9, py(values[b][i]))), i]);
    const tone = colour("accent");
    const front = points.filter((p) => best.has(p[2])).sort((p, q) => p[0] - q[0] || p[1] - q[1]);
    dots(ctx, box, points.filter((p) => !best.has(p[2])), { size: points.length > 1500 ? 2 : 3.2, paint: () => fade(tone, 0.4), hollow: colour("faint") });
    // With two objectives the front is a staircase: what lies behind it is dominated.
    if (data.objectives.length === 2 && front.length > 1) {
      let d = `M${front[0][0].toFixed(1)} ${front[0][1].toFixed(1)}`;
      for (const [nx, ny] of front.slice(1)) d += data.objectives[a].sign === 1 ? `H${nx.toFixed(1)}V${ny.toFixed(1)}` : `V${ny.toFixed(1)}H${nx.toFixed(1)}`;
      art.append(shape("path", { d, class: "front" }));
    }
    dots(ctx, box, front, { size: 4.4, paint: () => colour("star"), hollow: colour("star") });
    return { near: plot.nearest(points), where: plot.byTrial(points), order: [...new Set(front.concat(points).map((p) => p[2]))], count: points.length };
  };
  const pareto = () => {
    if (data.objectives.length < 2 || !complete.length) return;
    const panel = section("pareto");
    const names = data.objectives.map((one, i) => [i, one.name]);
    const pick = (which) => (value) => {
      if (shownAxes[1 - which] === value) shownAxes[1 - which] = shownAxes[which];
      shownAxes[which] = value;
      pareto();
    };
    head(panel, ...(names.length > 2 ? [picker("across", names, shownAxes[0], pick(0)), picker("up", names, shownAxes[1], pick(1))] : []),
      keys(key("star", `not dominated (${best.size})`), key("accent", "dominated"), infeasible.length && key("hollow", "infeasible")));
    chart(panel, { height: 400, label: `Pareto front: ${plural(best.size, "trial")} that no other dominates.`, paint: paretoPaint(...shownAxes) });
    const left = complete.filter((i) => shownAxes.some((which) => !Number.isFinite(values[which][i]))).length;
    note(panel, thinned(), names.length > 2 && "Dominance counts all objectives, the picture shows two of them.", left ? `${plural(left, "trial")} with an infinite value ${left === 1 ? "is" : "are"} not drawn.` : "");
  };

  // ---- importance ---------------------------------------------------------------------------------------------------
  const importanceMost = 40;
  const importance = () => {
    const shares = target().importance.slice(0, importanceMost);
    if (!shares.length) return;
    const panel = section("importance");
    const row = 23;
    const at = bestOf();
    const beside = element("div", { className: at >= 0 ? "pair" : "" }, element("div"));
    panel.append(beside);
    if (at >= 0) beside.append(element("div", { className: "best-trial" }, element("b", {}, `The best: trial ${numbers[at]}`), facts(at, importanceMost)));
    chart(beside.firstChild, {
      height: 18 + row * shares.length, label: `Importance for ${objective().name}: ${shares.slice(0, 5).map(([p, v]) => `${data.parameters[p].name} ${(100 * v).toFixed(1)} %`).join(", ")}.`,
      paint: ({ art, width }) => {
        const left = Math.min(240, width * 0.4);
        const most = Math.max(...shares.map(([, v]) => v), 1e-300);
        shares.forEach(([p, v], i) => {
          const y = 8 + i * row;
          art.append(words(data.parameters[p].name, { x: left - 10, y: y + 14, class: "name end" }, left - 14),
            shape("rect", { x: left, y: y + 3, width: Math.max(1, (v / most) * (width - left - 76)), height: row - 8, class: "bar" }, shape("title", {}, `${data.parameters[p].name}: ${(100 * v).toFixed(2)} %`)),
            words(`${(100 * v).toFixed(1)} %`, { x: left + Math.max(1, (v / most) * (width - left - 76)) + 7, y: y + 14, class: "tick" }));
        });
        art.append(shape("line", { x1: left, x2: left, y1: 6, y2: 10 + row * shares.length, class: "rule" }));
        return { near: () => -1, where: () => null, order: [], count: shares.length };
      },
    });
    note(panel, `${data.importance_method}; shares of one, for ${isolated(objective().name)}.`, target().importance.length > importanceMost && `The ${importanceMost} largest of ${target().importance.length}.`);
  };

  // ---- a trial in words -----------------------------------------------------------------------------------------------
  const paramText = (p, i, write = number) => (Number.isNaN(params[p][i]) ? dash : data.parameters[p].scale === "category" ? axes[p].text(params[p][i]) : write(params[p][i]));
  // Parameters by importance for the chosen objective, then those that have none.
  const order = () => {
    const first = target().importance.map(([p]) => p);
    return first.concat(data.parameters.map((_, p) => p).filter((p) => !first.includes(p)));
  };
  const facts = (i, most) => {
    const rows = [];
    data.objectives.forEach((one, k) => {
      if (states[i] === "c") rows.push([one.name, exact(values[k][i])]);
    });
    const having = order().filter((p) => !Number.isNaN(params[p][i]));
    for (const p of having.slice(0, most)) rows.push([data.parameters[p].name, paramText(p, i, exact)]);
    if (having.length > most) rows.push([`${having.length - most} more`, ""]);
    return element("dl", { className: "facts" }, ...rows.flatMap(([name, text]) => [element("dt", {}, element("bdi", {}, name)), element("dd", {}, element("bdi", {}, text))]));
  };
  const title = (i) => `trial ${numbers[i]}${states[i] === "c" ? "" : `, ${stateNames[states[i]]}`}${feasible[i] ? "" : ", infeasible"}`;
  plot.setDescribe((i) => [element("b", {}, title(i)), facts(i, 12)]);
  let card = null;
  plot.onChoose((i) => {
    card?.remove();
    card = null;
    document.querySelectorAll(".trial-rows tr").forEach((tr) => tr.classList.toggle("chosen", tr.dataset.trial === String(i)));
    document.querySelector("#told").textContent = i < 0 ? "" : `${title(i)}${states[i] === "c" ? `: ${data.objectives.map((one, k) => `${one.name} ${number(values[k][i])}`).join(", ")}` : ""}`;
    if (i < 0) return;
    const close = element("button", { type: "button", className: "more", "aria-label": "close" }, "×");
    close.addEventListener("click", () => plot.choose(-1));
    card = element("aside", { className: "chosen-trial" }, element("header", {}, title(i), close), facts(i, 200));
    document.body.append(card);
  });

  // ---- the best trials ----------------------------------------------------------------------------------------------
  const rowsMost = 100;
  const trials = () => {
    if (!complete.length) return;
    const one = objective();
    const among = data.objectives.length > 1 && best.size ? [...best] : complete.filter((i) => feasible[i] && !Number.isNaN(column()[i]));
    const rows = among.sort((a, b) => (column()[a] === column()[b] ? a - b : one.sign * (column()[a] < column()[b] ? -1 : 1))).slice(0, data.objectives.length > 1 ? rowsMost : 20);
    if (!rows.length) return;
    const panel = section("trials");
    document.querySelector("#trials h2").textContent = data.objectives.length > 1 ? "Trials that no other dominates" : "Best trials";
    const cell = (text, value) => element("td", { className: value === undefined ? "text" : "", title: text, ...(value === undefined ? {} : { "data-v": Number.isNaN(value) ? "" : String(value) }) }, element("bdi", {}, text));
    const th = (name, text) => element("th", { scope: "col", className: text ? "text" : "" }, element("button", { type: "button", title: name }, element("bdi", {}, name)));
    const shown = order();
    const table = element("table", { className: "sortable trial-rows" },
      element("thead", {}, element("tr", {}, th("trial", false), ...data.objectives.map((o) => th(o.name, false)), ...shown.map((p) => th(data.parameters[p].name, data.parameters[p].scale === "category")))),
      element("tbody", {}, ...rows.map((i) => element("tr", { "data-trial": String(i) }, cell(String(numbers[i]), numbers[i]), ...data.objectives.map((_, k) => cell(number(values[k][i]), values[k][i])),
        ...shown.map((p) => (data.parameters[p].scale === "category" ? cell(paramText(p, i)) : cell(paramText(p, i), params[p][i])))))));
    table.tBodies[0].addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) plot.choose(Number(row.dataset.trial));
    });
    panel.append(element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "best trials" }, table));
    note(panel, `${plural(rows.length, "trial")}. A press on a head sorts, on a row shows the trial in the charts.`);
  };

  const bar = () => {
    const holder = document.querySelector("#bar");
    holder.replaceChildren();
    if (data.targets.length < 2) return;
    holder.append(picker("objective", data.targets.map((one, place) => [place, goalName(data.objectives[one.objective])]), chosen.place, (place) => {
      chosen.place = place;
      study.all();
    }));
  };

  return {
    data, real, numbers, values, params, axes, feasible, states, complete, best, chosen, target, objective, column, finite, level, section, note, choices, picker, key, keys, head, band, valueBand,
    thinned, valueAxis, clampedNote, dots, star, bestOf, order, goalName, history, pareto, importance, trials, bar, followers: [], all: () => {},
  };
})();
