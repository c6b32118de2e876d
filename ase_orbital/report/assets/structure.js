// The cell of a crystal in three dimensions: spheres, bonds and the edges of the cell.
const SPHERE = (() => { // an octahedron, each face divided twice and blown up
  let faces = [];
  for (const x of [1, -1]) for (const y of [1, -1]) for (const z of [1, -1]) faces.push(x * y * z > 0 ? [[x, 0, 0], [0, y, 0], [0, 0, z]] : [[0, y, 0], [x, 0, 0], [0, 0, z]]);
  const unit = (v) => { const n = Math.hypot(...v); return v.map((c) => c / n); };
  const middle = (a, b) => unit(a.map((c, i) => c + b[i]));
  for (let step = 0; step < 3; step++) {
    faces = faces.flatMap(([a, b, c]) => {
      const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
      return [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]];
    });
  }
  const points = [], index = new Map();
  const at = (p) => {
    const key = p.map((c) => c.toFixed(5)).join();
    if (!index.has(key)) { index.set(key, points.length); points.push(p); }
    return index.get(key);
  };
  const triangles = faces.map((face) => face.map(at));
  return { points, triangles };
})();

const combine = (cell, shift) => [0, 1, 2].map((k) => cell.reduce((sum, vector, a) => sum + shift[a] * vector[k], 0));

// Atoms on a face of the cell, also on the opposite one.
const withImages = ({ numbers, fractions, cell, pbc }) => {
  const atoms = [];
  numbers.forEach((z, i) => {
    const steps = fractions[i].map((f, a) => (pbc[a] ? (f < 0.01 ? [0, 1] : f > 0.99 ? [0, -1] : [0]) : [0]));
    for (const a of steps[0]) for (const b of steps[1]) for (const c of steps[2]) {
      atoms.push({ z, i, at: combine(cell, [fractions[i][0] + a, fractions[i][1] + b, fractions[i][2] + c]) });
    }
  });
  return atoms;
};

const drawStructure = (row, viewer) => {
  const structure = page.structures[row];
  const formula = column.formula?.values[row] ?? "";
  const name = column[page.identifier].values[row] ?? "";
  const values = numeric().flatMap((one) => {
    const std = one.std ? column[one.std].values[row] : null;
    const spread = std === null || std === undefined ? "" : ` ± ${number(std, 2)}`;
    return [element("dt", {}, one.label), element("dd", {}, `${written(one, row)}${spread} ${one.unit}`)];
  });
  viewer.replaceChildren(element("h3", {}, formula || "Structure"), element("p", { class: "name" }, name));
  if (!structure) {
    viewer.append(element("p", {}, page.without_structure), element("dl", {}, ...values));
    return;
  }
  const place = element("div", { class: "plot", id: "structure" });
  const legend = element("p", {}, ...[...new Set(structure.numbers)].flatMap((z) => [element("span", { class: "swatch", style: `background:${page.elements[z].color}` }), page.elements[z].symbol]));
  const lengths = structure.cell.map((vector) => `${Math.hypot(...vector).toFixed(2)}`).join(" × ");
  viewer.append(place, legend, element("p", {}, `${counted(structure.numbers.length)} atoms, ${structure.pbc.some(Boolean) ? `cell ${lengths} Å` : "not periodic"}`), element("dl", {}, ...values));

  const atoms = withImages(structure);
  const traces = [];
  const mesh = { type: "mesh3d", x: [], y: [], z: [], i: [], j: [], k: [], vertexcolor: [], hoverinfo: "skip", flatshading: false, lighting: { ambient: 0.75, diffuse: 0.45, specular: 0.2, roughness: 0.4, fresnel: 0.1 }, lightposition: { x: 1000, y: 2000, z: 3000 } };
  for (const atom of atoms) {
    const { color, radius } = page.elements[atom.z], first = mesh.x.length;
    for (const [x, y, z] of SPHERE.points) {
      mesh.x.push(atom.at[0] + 0.5 * radius * x); mesh.y.push(atom.at[1] + 0.5 * radius * y); mesh.z.push(atom.at[2] + 0.5 * radius * z);
      mesh.vertexcolor.push(color);
    }
    for (const [a, b, c] of SPHERE.triangles) { mesh.i.push(first + a); mesh.j.push(first + b); mesh.k.push(first + c); }
  }
  const lines = (segments, color, width) => {
    const xyz = [[], [], []];
    for (const [from, to] of segments) for (const a of [0, 1, 2]) xyz[a].push(from[a], to[a], null);
    return { type: "scatter3d", mode: "lines", x: xyz[0], y: xyz[1], z: xyz[2], line: { color, width }, hoverinfo: "skip" };
  };
  const bonds = [];
  atoms.forEach((a, index) => {
    for (const b of atoms.slice(index + 1)) {
      const longest = 1.15 * (page.elements[a.z].radius + page.elements[b.z].radius);
      if (Math.hypot(...a.at.map((c, k) => c - b.at[k])) < longest) bonds.push([a.at, b.at]);
    }
  });
  if (structure.pbc.some(Boolean)) {
    const edges = [];
    for (const axis of [0, 1, 2]) for (const p of [0, 1]) for (const q of [0, 1]) {
      const from = [0, 0, 0];
      from[(axis + 1) % 3] = p; from[(axis + 2) % 3] = q;
      const to = [...from];
      to[axis] = 1;
      edges.push([combine(structure.cell, from), combine(structure.cell, to)]);
    }
    traces.push(lines(edges, "#5b6875", 2));
  }
  const labels = { type: "scatter3d", mode: "markers", x: [], y: [], z: [], text: [], hoverinfo: "text", marker: { size: 10, opacity: 0 } };
  for (const atom of atoms) {
    labels.x.push(atom.at[0]); labels.y.push(atom.at[1]); labels.z.push(atom.at[2]);
    labels.text.push(`${page.elements[atom.z].symbol}, atom ${atom.i}`);
  }
  traces.push(lines(bonds, "#8f9aa5", 6), mesh, labels);
  const none = { visible: false };
  Plotly.newPlot(place, traces, {
    margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, hoverlabel: { bgcolor: "#fff" },
    scene: { aspectmode: "data", dragmode: "orbit", xaxis: none, yaxis: none, zaxis: none, camera: { projection: { type: "orthographic" }, eye: { x: 1.25, y: 0.8, z: 0.5 } } },
  }, STILL);
};
