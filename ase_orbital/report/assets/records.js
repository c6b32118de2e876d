// The content of the page, how its values are written, and the selection of records.
let page, column;
const byId = (id) => document.getElementById(id);

const unpack = async (id) => {
  const bytes = Uint8Array.from(atob(byId(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
};

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const counted = (n) => Number(n).toLocaleString("en");
const withUnit = ({ label, unit }) => (unit ? `${label} (${unit})` : label);

// Significant digits, without exponents where they can be avoided.
const magnitude = (value) => Math.floor(Math.log10(Math.abs(value) || 1));
const number = (value, digits = 4, decimals = null) => {
  if (value === null || value === undefined) return "";
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-5)) return value.toExponential(2);
  return value.toFixed(decimals ?? Math.min(Math.max(digits - 1 - magnitude(value), 0), 8));
};
const flag = (value) => (value === null ? "" : value ? "yes" : "no");
const written = (of, row) => {
  const value = of.values[row];
  if (of.kind === "flag") return flag(value);
  if (of.kind === "text") return value ?? "";
  // As many decimals for all values of a column: four digits of the larger ones.
  if (of.decimals === undefined) {
    const sizes = of.values.filter((one) => one !== null).map(Math.abs).sort((a, b) => a - b);
    const whole = sizes.every(Number.isInteger);
    of.decimals = whole ? 0 : Math.min(Math.max(3 - magnitude(sizes[Math.floor(0.9 * (sizes.length - 1))]), 0), 6);
  }
  return number(value, 4, of.decimals);
};

const numeric = () => Object.values(column).filter((one) => one.kind !== "text" && !one.hidden);

// What the pointer shows of each record, made once for all figures.
let hoverTexts;
const hovers = () => {
  hoverTexts ??= Array.from({ length: page.n_records }, (_, row) => {
    const lines = [];
    for (const one of Object.values(column)) {
      const text = one.hidden ? "" : written(one, row);
      if (text === "") continue;
      if (one.name === "formula") { lines.unshift(`<b>${escaped(text)}</b>`); continue; }
      const std = one.std ? column[one.std].values[row] : null;
      const spread = std === null || std === undefined ? "" : ` ± ${number(std, 2)}`;
      const short = text.length > 60 ? `…${text.slice(-58)}` : text;
      lines.push(`${escaped(one.label)}: ${escaped(short)}${spread}${one.unit ? ` ${escaped(one.unit)}` : ""}`);
    }
    return lines.join("<br>");
  });
  return hoverTexts;
};

const chosen = new Set();
const watchers = []; // functions that show the selection
const select = (rows, keep = false) => {
  if (!keep) chosen.clear();
  for (const row of rows) chosen.add(row);
  watchers.forEach((watch) => watch());
};
const toggle = (row) => {
  if (!chosen.delete(row)) chosen.add(row);
  watchers.forEach((watch) => watch());
};

const csvCell = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};
const csvOf = (rows) => {
  const columns = Object.values(column).filter((one) => !one.drawn);
  const lines = rows.map((row) => columns.map((one) => csvCell(one.values[row])).join(","));
  return [columns.map((one) => csvCell(one.name)).join(","), ...lines, ""].join("\n");
};
const identifiers = (rows) => rows.map((row) => column[page.identifier].values[row]).join("\n") + "\n";

const download = (name, text, type) => {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

const selectionBar = () => {
  const rows = () => [...chosen].sort((a, b) => a - b);
  const count = element("b", { id: "count", "aria-live": "polite" });
  const buttons = [
    element("button", { id: "save-csv", onclick: () => download("selection.csv", csvOf(rows()), "text/csv") }, "Save CSV"),
    element("button", { id: "save-ids", onclick: () => download("selection-ids.txt", identifiers(rows()), "text/plain") }, "Save ids"),
    element("button", { id: "clear", onclick: () => select([]) }, "Clear"),
  ];
  watchers.push(() => {
    count.textContent = `${counted(chosen.size)} selected`;
    buttons.forEach((button) => { button.disabled = !chosen.size; });
  });
  return element("span", { class: "chosen" }, count, ...buttons);
};
