// The report's behaviour: candles, equity and drawdown share one time axis, a trade's row leads to its candles.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const dash = "–";

  // ---- data ---------------------------------------------------------------------------------------------------------
  const holder = find("#chart");
  if (!holder) return;
  const data = JSON.parse(find("#chart-data").textContent);
  const series = [data.equity, data.drawdown, ...data.benchmarks].filter(Boolean);

  const finest = (() => {
    const rows = [];
    const scale = 10 ** data.decimals;
    let time = 0;
    let before = 0;
    data.times.forEach((step, i) => {
      time += step * data.length;
      const row = { time, lines: series.map((one) => one.values[i]) };
      if (data.candles) {
        const [open, close, above, below] = data.candles.slice(4 * i, 4 * i + 4);
        const first = before + open;
        const last = first + close;
        before = last;
        Object.assign(row, { open: first / scale, close: last / scale, high: (Math.max(first, last) + above) / scale, low: (Math.min(first, last) - below) / scale });
      }
      rows.push(row);
    });
    return rows;
  })();

  const least = series.map((one) => one === data.drawdown);
  const join = (length) => {
    if (length === data.length) return finest;
    const out = [];
    for (const row of finest) {
      const time = Math.floor(row.time / length) * length;
      const last = out[out.length - 1];
      if (!last || last.time !== time) {
        out.push({ ...row, time, lines: [...row.lines] });
        continue;
      }
      if (data.candles) {
        last.high = Math.max(last.high, row.high);
        last.low = Math.min(last.low, row.low);
        last.close = row.close;
      }
      last.lines = row.lines.map((value, i) => (least[i] && last.lines[i] !== null && value !== null ? Math.min(value, last.lines[i]) : value));
    }
    return out;
  };

  const lengths = [[1, "1s"], [10, "10s"], [60, "1m"], [300, "5m"], [900, "15m"], [1800, "30m"], [3600, "1h"], [14400, "4h"], [86400, "1d"], [604800, "1w"]];
  const span = finest.length ? finest[finest.length - 1].time - finest[0].time : 0;
  const offered = lengths.filter(([length]) => length >= data.length && (length === data.length || span / length >= 12));

  // ---- chart --------------------------------------------------------------------------------------------------------
  const L = window.LightweightCharts;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const fade = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const two = (n) => String(n).padStart(2, "0");
  const moment = (time) => {
    const d = new Date(time * 1000);
    return `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  };
  const number = (value, decimals) =>
    value === null || value === undefined || Number.isNaN(value) ? dash : value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
  // Decimals that keep about five digits of a line's values.
  const digits = (values) => {
    const size = values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
    return size > 0 ? Math.min(8, Math.max(2, 4 - Math.floor(Math.log10(size)))) : 2;
  };

  const chart = L.createChart(holder, {
    autoSize: true,
    timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 3, minBarSpacing: 0.02, borderVisible: false },
    rightPriceScale: { borderVisible: false },
    crosshair: { mode: 0 },
    localization: { timeFormatter: moment },
  });

  let pane = 0;
  const lines = [];
  let candles = null;
  let markers = null;
  let link = null;
  if (data.candles) {
    candles = chart.addSeries(L.CandlestickSeries, { priceFormat: { type: "custom", formatter: (value) => number(value, data.decimals), minMove: 10 ** -data.decimals }, priceLineVisible: false }, pane);
    link = chart.addSeries(L.LineSeries, { lineWidth: 2, lineStyle: 2, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false, autoscaleInfoProvider: () => null }, pane);
    markers = L.createSeriesMarkers(candles, []);
    pane += 1;
  }
  const colours = ["accent", "loss", "second", "third", "soft"];
  const equityPane = pane;
  series.forEach((one, i) => {
    const down = one === data.drawdown;
    const decimals = down ? 2 : digits(one.values);
    const format = { type: "custom", formatter: (value) => number(value, decimals) + (one.unit === "%" ? " %" : ""), minMove: 10 ** -decimals };
    const common = { priceFormat: format, priceLineVisible: false, lineWidth: i < 2 ? 2 : 1 };
    const line = chart.addSeries(down ? L.AreaSeries : L.LineSeries, down ? { ...common, invertFilledArea: true } : common, down ? equityPane + 1 : equityPane);
    lines.push({ line, one, decimals, down, tone: colours[Math.min(i, colours.length - 1)] });
  });
  const panes = chart.panes();
  const shares = data.candles ? [56, 26, 18] : [64, 36];
  panes.forEach((one, i) => one.setStretchFactor(shares[i] ?? 20));

  const paint = () => {
    chart.applyOptions({
      layout: { background: { type: "solid", color: colour("panel") }, textColor: colour("soft"), fontFamily: getComputedStyle(document.body).fontFamily, panes: { separatorColor: colour("line"), separatorHoverColor: fade(colour("accent"), 0.2) } },
      grid: { vertLines: { color: colour("grid") }, horzLines: { color: colour("grid") } },
      crosshair: { vertLine: { color: colour("faint"), labelBackgroundColor: colour("soft") }, horzLine: { color: colour("faint"), labelBackgroundColor: colour("soft") } },
    });
    if (candles) {
      const gain = colour("gain");
      const loss = colour("loss");
      candles.applyOptions({ upColor: gain, borderUpColor: gain, wickUpColor: gain, downColor: loss, borderDownColor: loss, wickDownColor: loss });
      link.applyOptions({ color: colour("ink") });
    }
    for (const { line, down, tone } of lines) {
      const main = colour(tone);
      line.applyOptions(down ? { lineColor: main, topColor: fade(main, 0.04), bottomColor: fade(main, 0.35) } : { color: main });
    }
    place(true);
  };

  // ---- markers ------------------------------------------------------------------------------------------------------
  let rows = finest;
  let current = data.length;
  // The last row that starts at or before `time`.
  const at = (time) => {
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (rows[middle].time <= time) low = middle; else high = middle - 1;
    }
    return low;
  };
  const styles = {
    long: () => ({ position: "belowBar", shape: "arrowUp", color: colour("accent") }),
    short: () => ({ position: "aboveBar", shape: "arrowDown", color: colour("second") }),
    win: () => ({ position: "atPriceMiddle", shape: "circle", color: colour("gain") }),
    loss: () => ({ position: "atPriceMiddle", shape: "circle", color: colour("loss") }),
  };
  let detail = "";
  // Texts only where few enough are in sight to be read.
  const place = (always) => {
    if (!markers) return;
    const range = chart.timeScale().getVisibleLogicalRange();
    const from = range ? Math.max(0, Math.floor(range.from)) : 0;
    const to = range ? Math.min(rows.length - 1, Math.ceil(range.to)) : rows.length - 1;
    if (!rows[from] || !rows[to]) return;
    const seen = data.markers.filter(([time]) => time >= rows[from].time && time < rows[to].time + current).length;
    const wanted = seen <= 40 ? "text" : seen <= 150 ? "plain" : "small";
    if (!always && wanted === detail) return;
    detail = wanted;
    const size = { text: 1.1, plain: 0.8, small: 0.4 }[wanted];
    markers.setMarkers(data.markers.map(([time, price, kind, text]) => ({ time: rows[at(time)].time, price, size, text: wanted === "text" ? text : "", ...styles[kind]() })));
  };
  chart.timeScale().subscribeVisibleLogicalRangeChange(() => place(false));

  // ---- what is under the crosshair ----------------------------------------------------------------------------------
  const legends = panes.map(() => {
    const legend = document.createElement("div");
    legend.className = "legend";
    holder.append(legend);
    return legend;
  });
  const put = () => {
    let top = 6;
    legends.forEach((legend, i) => {
      legend.style.top = `${top}px`;
      top += panes[i].getHeight() + 1;
    });
  };
  const words = (legend, pairs) => {
    legend.replaceChildren(...pairs.flatMap(([name, value]) => {
      const strong = document.createElement("b");
      strong.textContent = value;
      return [`${name} `, strong, "   "];
    }));
  };
  const tell = (index) => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    if (!row) return;
    if (data.candles) {
      const price = (value) => number(value, data.decimals);
      words(legends[0], [[data.symbol, data.price_unit], ["", moment(row.time)], ["O", price(row.open)], ["H", price(row.high)], ["L", price(row.low)], ["C", price(row.close)]]);
    }
    const pairs = lines.map(({ one, decimals }, i) => [one.name, `${number(row.lines[i], decimals)}${one.unit ? ` ${one.unit}` : ""}`]);
    if (!lines.length) return;
    const stamp = data.candles ? [] : [["", moment(row.time)]];
    words(legends[equityPane], [...stamp, ...pairs.filter((_, i) => !lines[i].down)]);
    if (legends[equityPane + 1]) words(legends[equityPane + 1], pairs.filter((_, i) => lines[i].down));
  };
  chart.subscribeCrosshairMove((event) => tell(event.logical === undefined ? rows.length - 1 : Math.round(event.logical)));
  new ResizeObserver(() => requestAnimationFrame(put)).observe(holder);

  // ---- timeframes ---------------------------------------------------------------------------------------------------
  const choices = find("#timeframes");
  const choose = (length, fit) => {
    current = length;
    rows = join(length);
    if (candles) {
      candles.setData(rows.map(({ time, open, high, low, close }) => ({ time, open, high, low, close })));
      link.setData([]);
    }
    lines.forEach(({ line }, i) => line.setData(rows.map((row) => (row.lines[i] === null ? { time: row.time } : { time: row.time, value: row.lines[i] }))));
    for (const button of choices.children) button.setAttribute("aria-pressed", String(Number(button.value) === length));
    place(true);
    if (fit) chart.timeScale().fitContent();
    tell(rows.length - 1);
  };
  for (const [length, name] of offered) {
    const button = document.createElement("button");
    button.type = "button";
    button.value = String(length);
    button.textContent = name;
    button.addEventListener("click", () => choose(length, true));
    choices.append(button);
  }
  // What the eye can take in at once: about a candle for each two pixels.
  const start = offered.find(([length]) => span / length <= 600) ?? offered[offered.length - 1];
  paint();
  if (finest.length) choose(start ? start[0] : data.length, true);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  requestAnimationFrame(put);
  // On paper stands a picture of the chart as it is on the screen, with what its legends say.
  const paper = document.createElement("div");
  paper.className = "paper";
  holder.after(paper);
  window.addEventListener("beforeprint", () => {
    paper.replaceChildren(...legends.map((legend) => {
      const line = document.createElement("p");
      line.textContent = legend.textContent;
      return line;
    }), chart.takeScreenshot());
  });

  // ---- from a trade to its candles ------------------------------------------------------------------------------------
  const table = find("#trades");
  if (!table || !candles) return;
  table.tBodies[0].addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    const trade = row && data.trades[Number(row.dataset.trade)];
    if (!trade) return;
    for (const other of table.tBodies[0].rows) other.classList.toggle("chosen", other === row);
    const [entry, bought, exit, sold] = trade;
    const fitting = offered.find(([length]) => (exit - entry) / length <= 120) ?? offered[offered.length - 1];
    choose(fitting[0], false);
    const first = at(entry);
    const last = at(exit);
    if (last > first) link.setData([{ time: rows[first].time, value: bought }, { time: rows[last].time, value: sold }]);
    const margin = Math.max(30, last - first);
    chart.timeScale().setVisibleLogicalRange({ from: first - margin, to: last + margin });
    tell(last);
    find("#candles").scrollIntoView({ block: "start" });
  });
})();
