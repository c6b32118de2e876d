// Tables: fixed ones, and the candidates, which can be sorted, filtered and selected.
const drawTable = (section, body) => {
  const kind = section.columns.map((_, i) => (section.rows.some((row) => typeof row[i] === "number") ? "number" : section.wrap?.includes(i) ? "wrap" : ""));
  const cell = (value, i) => element("td", { class: kind[i] }, typeof value === "number" ? (Number.isInteger(value) ? counted(value) : number(value)) : (value ?? ""));
  body.append(element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...section.columns.map((name, i) => element("th", { class: kind[i] === "number" ? "number" : "" }, name)))),
    element("tbody", {}, ...section.rows.map((row) => element("tr", {}, ...row.map(cell)))))));
};

const drawFacts = (section, body) => {
  body.append(element("dl", {}, ...section.items.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])));
};

const MOST_ROWS = 300; // in the table at once
let show = () => {}; // display a record in the viewer

const drawCandidates = (section, body) => {
  const state = { by: null, descending: false, words: "", selection: false };
  const columns = Object.values(column).filter((one) => !one.hidden);
  const count = element("span", { class: "note" });
  const rows = element("tbody");
  const heads = columns.map((one) => element("th", { class: one.kind === "text" ? "" : "number", scope: "col" },
    element("button", { title: `Sort by ${one.label}`, onclick: () => sort(one.name) }, one.label),
    element("small", {}, one.unit ?? "")));
  let current = null;

  const sort = (name) => {
    state.descending = state.by === name ? !state.descending : column[name].kind !== "text";
    state.by = name;
    fill();
  };
  const cell = (one, row) => {
    const text = written(one, row);
    if (one.kind === "text") return element("td", { class: "clip", title: text.length > 28 ? text : null }, text);
    const std = one.std ? column[one.std].values[row] : null;
    const outside = one.kind === "flag" && one.values[row] === 0 ? " outside" : "";
    return element("td", { class: `number${outside}` }, text, std === null || std === undefined ? "" : element("span", { class: "std" }, ` ± ${number(std, 2)}`));
  };
  const line = (row) => {
    const box = element("input", { type: "checkbox", "aria-label": `Select ${written(column[page.identifier], row)}`, onclick: (event) => { event.stopPropagation(); toggle(row); } });
    box.checked = chosen.has(row);
    return element("tr", { "data-row": row, class: row === current ? "current" : null, tabindex: 0, onclick: () => show(row), onkeydown: (event) => { if (event.key === "Enter") show(row); } },
      element("td", {}, box), ...columns.map((one) => cell(one, row)));
  };
  const fill = () => {
    let listed = state.selection ? [...chosen] : [...section.rows];
    if (state.words) {
      const texts = columns.filter((one) => one.kind === "text");
      listed = listed.filter((row) => texts.some((one) => String(one.values[row] ?? "").toLowerCase().includes(state.words)));
    }
    if (state.by) {
      const { values, kind } = column[state.by];
      const sign = state.descending ? -1 : 1;
      const absent = (row) => values[row] === null || values[row] === "";
      listed.sort((a, b) => absent(a) - absent(b) || sign * (kind === "text" ? values[a].localeCompare(values[b], "en", { numeric: true }) : values[a] - values[b]) || a - b);
    }
    heads.forEach((head, i) => {
      if (columns[i].name === state.by) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    rows.replaceChildren(...listed.slice(0, MOST_ROWS).map(line));
    if (state.selection && !chosen.size) { count.textContent = "Nothing is selected yet: tick boxes, or draw around points."; return; }
    count.textContent = listed.length > MOST_ROWS ? `${counted(MOST_ROWS)} of ${counted(listed.length)} shown` : `${counted(listed.length)} shown`;
  };

  const all = () => [...rows.children].map((one) => Number(one.dataset.row));
  body.append(
    element("div", { class: "controls" },
      element("label", {}, "show", element("select", { id: "listed", onchange: (event) => { state.selection = event.target.value === "selection"; fill(); } },
        element("option", { value: "best" }, section.listed), element("option", { value: "selection" }, "the selection"))),
      element("input", { type: "search", id: "filter", placeholder: "Filter by formula or name", "aria-label": "Filter by formula or name", oninput: (event) => { state.words = event.target.value.toLowerCase(); fill(); } }),
      element("button", { id: "select-all", onclick: () => select(all(), true) }, "Select these"), count));
  const table = element("div", { class: "scroll" }, element("table", { id: "candidates" },
    element("thead", {}, element("tr", {}, element("th", {}, ""), ...heads)), rows));
  if (page.structures) {
    const viewer = element("div", { class: "viewer" });
    body.append(element("div", { class: "candidates" }, table, viewer));
    show = (row) => {
      current = row;
      for (const one of rows.children) one.className = Number(one.dataset.row) === row ? "current" : "";
      drawStructure(row, viewer);
    };
  } else {
    body.append(table);
  }
  watchers.push(() => {
    if (state.selection) { fill(); return; }
    for (const one of rows.children) one.querySelector("input").checked = chosen.has(Number(one.dataset.row));
  });
  fill();
  if (page.structures && section.rows.length) show(section.rows.find((row) => page.structures[row]) ?? section.rows[0]);
};
