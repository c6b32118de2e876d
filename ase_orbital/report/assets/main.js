// Build the page from its content.
const DRAW = { scatter: drawScatter, histograms: drawHistograms, bars: drawBars, lines: drawLines, table: drawTable, facts: drawFacts, candidates: drawCandidates, heading: () => {} };

const build = () => {
  const main = byId("page"), bar = byId("bar");
  const sections = element("div", { class: "sections" });
  main.replaceChildren(
    element("h1", {}, page.title), element("p", { class: "subtitle" }, page.subtitle),
    element("div", { class: "facts" }, ...page.facts.map(([value, label]) => element("div", { class: "fact" }, element("b", {}, typeof value === "number" ? counted(value) : value), element("span", {}, label)))),
    sections);
  let half = false; // whether the last section takes the left half, and the right one is free
  page.sections.forEach((section, index) => {
    const following = page.sections[index + 1];
    if (!half && (!following || following.wide)) section.wide = true;
    half = !section.wide && !half;
    section.id = index;
    const body = element("section", { class: [section.wide && "wide", section.type === "heading" && "heading"].filter(Boolean).join(" "), id: `section-${index}` }, element("h2", {}, section.title), section.note ? element("p", { class: "note" }, section.note) : null);
    sections.append(body);
    if (section.link) bar.append(element("a", { href: `#section-${index}` }, section.link));
    DRAW[section.type](section, body);
  });
  if (page.n_records) bar.append(selectionBar());
  watchers.forEach((watch) => watch());
};

const start = async () => {
  if (typeof DecompressionStream === "undefined") throw new Error("this page needs a browser from 2023 or later");
  const library = element("script");
  library.textContent = await unpack("plotly");
  document.head.append(library);
  page = JSON.parse(await unpack("content"));
  column = Object.fromEntries(page.columns.map((one) => [one.name, one]));
  build();
  document.documentElement.dataset.ready = "true";
};
start().catch((error) => {
  byId("page").replaceChildren(element("p", {}, `The page cannot be shown: ${error.message}`));
  throw error;
});
