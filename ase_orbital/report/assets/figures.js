// Figures, drawn with plotly.
const BLUE = "#0072B2", ORANGE = "#D55E00", COLORS = [BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
const AXIS = { zeroline: false, linecolor: "#8996a3", gridcolor: "#e6eaee", ticks: "outside", tickcolor: "#8996a3", automargin: true, title: { standoff: 8 } };
const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["autoScale2d", "hoverClosestCartesian", "hoverCompareCartesian", "toggleSpikelines"] };
const STILL = { ...CONFIG, displayModeBar: false };
const layoutOf = (x, y, more = {}) => ({
  font: { family: "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", size: 12.5, color: "#1d2733" },
  margin: { l: 56, r: 12, t: 10, b: 46 }, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
  hoverlabel: { align: "left", bgcolor: "#fff", bordercolor: "#8996a3", font: { color: "#1d2733", size: 12.5 } },
  xaxis: { ...AXIS, ...x }, yaxis: { ...AXIS, ...y }, showlegend: false, dragmode: "zoom", ...more,
});
const axis = (text, more = {}) => ({ title: { text, standoff: 8 }, ...more });

// WebGL draws many points fast; browsers without it draw SVG.
const hasWebGL = (() => {
  try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
})();

const choice = (label, columns, current, change) =>
  element("label", {}, label, element("select", { onchange: (event) => change(event.target.value) },
    ...columns.map((one) => element("option", { value: one.name, selected: one.name === current }, one.label))));

// Colors of a column: a scale of numbers, or two colors of a flag.
const colorsOf = (name) => {
  const one = column[name];
  if (!one) return { color: BLUE };
  const bar = { title: { text: withUnit({ ...one, label: one.label.split(",")[0] }), side: "right" }, thickness: 12, outlinewidth: 0 };
  if (one.kind === "flag") {
    return {
      color: one.values, cmin: 0, cmax: 1, colorbar: { ...bar, tickvals: [0.25, 0.75], ticktext: ["no", "yes"], len: 0.45 },
      colorscale: [[0, ORANGE], [0.5, ORANGE], [0.5, BLUE], [1, BLUE]],
    };
  }
  return { color: one.values, colorscale: "Viridis", colorbar: bar };
};

const drawScatter = (section, body) => {
  const state = { x: section.x, y: section.y, color: section.color };
  const place = element("div", { class: "plot", id: `plot-${section.id}` });
  const draw = () => {
    const { x, y } = { x: column[state.x], y: column[state.y] };
    const known = (one) => one.values.reduce((n, value) => n + (value !== null), 0);
    const many = Math.min(known(x), known(y)) > 3000;
    const points = {
      type: hasWebGL && many ? "scattergl" : "scatter", mode: "markers", x: x.values, y: y.values, text: hovers(), hoverinfo: "text",
      marker: { size: many ? 5 : 7, opacity: many ? 0.6 : 0.8, ...colorsOf(state.color) }, selectedpoints: chosen.size ? [...chosen] : undefined,
      unselected: { marker: { opacity: 0.12 } },
    };
    if (section.shades) Object.assign(points.marker, { color: section.shades, colorscale: "Viridis", showscale: false });
    const traces = [points];
    const more = { dragmode: "lasso", margin: { l: 62, r: 12, t: 34, b: 50 } };
    const names = section.labels ?? [withUnit(x), withUnit(y)];
    const square = {};
    if (section.diagonal) {
      const [low, high] = section.limits;
      more.shapes = [{ type: "line", x0: low, y0: low, x1: high, y1: high, layer: "below", line: { color: "#8996a3", width: 1, dash: "dash" } }];
      Object.assign(square, { range: [low, high] });
    }
    Plotly.react(place, traces, layoutOf(axis(names[0], square), axis(names[1], square), more), CONFIG);
  };
  if (!section.fixed) {
    body.append(element("div", { class: "controls" },
      choice("horizontal", numeric(), state.x, (name) => { state.x = name; draw(); }),
      choice("vertical", numeric(), state.y, (name) => { state.y = name; draw(); }),
      choice("color", numeric(), state.color, (name) => { state.color = name; draw(); })));
  } else if (section.color && !section.shades) {
    body.append(element("div", { class: "controls" }, choice("color", numeric(), state.color, (name) => { state.color = name; draw(); })));
  }
  body.append(place);
  draw();
  place.on("plotly_selected", (event) => { if (event?.points) select(event.points.map((point) => point.pointIndex)); });
  place.on("plotly_deselect", () => select([]));
  place.on("plotly_click", (event) => {
    const row = event.points[0].pointIndex;
    if (event.event.shiftKey) toggle(row);
    show(row);
  });
  watchers.push(() => {
    Plotly.restyle(place, { selectedpoints: [chosen.size ? [...chosen] : null] });
    if (!chosen.size && place.layout.selections?.length) Plotly.relayout(place, { selections: [] });
  });
};

const drawHistograms = (section, body) => {
  const panels = element("div", { class: "panels" });
  body.append(panels);
  for (const panel of section.panels) {
    const place = element("div", { class: "plot small" });
    panels.append(place);
    const centers = panel.edges.slice(1).map((edge, i) => (edge + panel.edges[i]) / 2);
    const widths = panel.edges.slice(1).map((edge, i) => edge - panel.edges[i]);
    const ranges = panel.edges.slice(1).map((edge, i) => `${number(panel.edges[i])} to ${number(edge)}`);
    const bars = (counts, name, color) => ({
      type: "bar", x: centers, y: counts, width: widths, customdata: ranges, name, marker: { color, line: { width: 0 } },
      hovertemplate: `%{customdata}<br>%{y:,} ${name}<extra></extra>`,
    });
    const label = withUnit(panel).length > 26 ? withUnit(panel).replace(" (", "<br>(") : withUnit(panel);
    const traces = panel.outside
      ? [bars(panel.inside, "in the domain", BLUE), bars(panel.outside, "outside the domain", ORANGE)]
      : [bars(panel.inside, section.counted, BLUE)];
    Plotly.newPlot(place, traces, layoutOf(axis(label), axis(section.counted, { rangemode: "tozero", nticks: 4 }), { barmode: "stack", bargap: 0 }), STILL);
  }
};

const drawBars = (section, body) => {
  const place = element("div", { class: section.wide ? "plot low" : "plot", id: `plot-${section.id}` });
  body.append(place);
  const trace = { type: "bar", x: section.labels, y: section.values, customdata: section.counts, marker: { color: BLUE }, hovertemplate: `<b>%{x}</b><br>${section.y}: %{y:.4f}<br>%{customdata:,} crystals<extra></extra>` };
  const more = { bargap: 0.25 };
  if (section.mean !== undefined) {
    more.shapes = [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: section.mean, y1: section.mean, line: { color: ORANGE, width: 1.5 } }];
    more.annotations = [{ xref: "paper", x: 1, y: section.mean, xanchor: "right", yanchor: "bottom", text: `all crystals: ${number(section.mean)}`, showarrow: false, font: { color: ORANGE } }];
  }
  Plotly.newPlot(place, [trace], layoutOf(axis(section.x, { type: "category", showgrid: false, tickfont: { size: section.labels.length > 40 ? 10 : 12 } }), axis(section.y, { rangemode: "tozero" }), more), STILL);
};

const drawLines = (section, body) => {
  const place = element("div", { class: "plot", id: `plot-${section.id}` });
  body.append(place);
  const traces = section.series.map((one, index) => ({
    type: "scatter", mode: section.points ? "markers" : "lines", x: one.x, y: one.y, name: one.name,
    line: { color: COLORS[index % COLORS.length], width: 1.8 }, marker: { size: 8, color: COLORS[index % COLORS.length] }, text: one.text, hovertemplate: one.text ? "%{text}<extra></extra>" : `${section.x}: %{x}<br>${section.y}: %{y:.4g}<extra>%{fullData.name}</extra>`,
  }));
  const more = { showlegend: section.series.length > 1, legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, margin: { l: 60, r: 12, t: section.series.length > 1 ? 40 : 10, b: 48 } };
  const range = section.range ? { range: section.range } : {};
  if (section.diagonal) {
    const [low, high] = section.diagonal;
    more.shapes = [{ type: "line", x0: low, y0: low, x1: high, y1: high, layer: "below", line: { color: "#8996a3", width: 1, dash: "dash" } }];
  }
  Plotly.newPlot(place, traces, layoutOf(axis(section.x, range), axis(section.y, { ...range, type: section.log ? "log" : "linear" }), more), STILL);
};
