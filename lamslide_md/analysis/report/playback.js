(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("playback-data").textContent);
  const slider = document.getElementById("playback-frame");
  const button = document.getElementById("playback-play");
  const clock = document.getElementById("playback-time");
  const sides = [
    ["reference", "playback-reference", "#8a8a8a"],
    ["rollout", "playback-rollout", "#0b6fa4"],
  ];
  const heteroatoms = { H: "#d8d8d8", N: "#3355dd", O: "#dd3322", S: "#d4a017", P: "#e07b20" };
  const neighbours = data.elements.map(() => []);
  for (const [first, second] of data.bonds) {
    neighbours[first].push(second);
    neighbours[second].push(first);
  }

  // What a cartoon is drawn from; of small molecules nothing.
  function residueOf(index, secondary) {
    if (!data.cartoon) return {};
    const residue = data.cartoon.residue_of_atom[index];
    return {
      atom: data.cartoon.atom_names[index],
      resi: residue + 1,
      resn: data.cartoon.residue_names[residue],
      chain: String(data.cartoon.chain_of_residue[residue]),
      ss: secondary[residue],
      hetflag: false,
    };
  }

  function atoms(frame, secondary) {
    return frame.map(([x, y, z], index) => ({
      elem: data.elements[index],
      atom: data.names[index],
      ...residueOf(index, secondary),
      index: index,
      serial: index,
      x: x / 100,
      y: y / 100,
      z: z / 100,
      bonds: neighbours[index].slice(),
      bondOrder: neighbours[index].map(() => 1),
    }));
  }

  const viewers = [];
  try {
    for (const [side, id, carbon] of sides) {
      const viewer = $3Dmol.createViewer(document.getElementById(id), { backgroundColor: "white" });
      const model = viewer.addModel();
      const frames = data.frames[side];
      const secondary = data.cartoon ? data.cartoon.secondary[side] : [];
      model.addAtoms(atoms(frames[0], secondary[0]));
      frames.slice(1).forEach((frame, index) => model.addFrame(atoms(frame, secondary[index + 1])));
      const colours = Object.assign({}, heteroatoms, { C: carbon });
      for (const elem of new Set(data.elements)) {
        const color = colours[elem] || "#c060c0";
        viewer.setStyle({ elem: elem }, { stick: { radius: 0.13, color: color }, sphere: { scale: 0.22, color: color } });
      }
      if (data.cartoon) viewer.setStyle({}, { cartoon: { color: carbon }, line: { color: carbon } });
      viewer.zoomTo();
      viewer.render();
      viewers.push([viewer, frames.length]);
    }
  } catch (error) {
    document.getElementById("playback").textContent = "Playback needs WebGL, which this browser does not offer.";
    return;
  }

  function show(frame) {
    slider.value = frame;
    clock.textContent = (frame * data.interval_ps).toPrecision(4).replace(/\.?0+$/, "") + " ps";
    for (const [viewer, length] of viewers) {
      viewer.setFrame(Math.min(frame, length - 1)).then(() => viewer.render());
    }
  }

  let timer = null;
  function stop() {
    window.clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  }
  slider.max = Math.max(...viewers.map((entry) => entry[1])) - 1;
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  button.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    button.textContent = "Pause";
    timer = window.setInterval(() => show((Number(slider.value) + 1) % (Number(slider.max) + 1)), 90);
  });
  show(0);
})();
