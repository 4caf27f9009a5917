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

  function atoms(frame) {
    return frame.map(([x, y, z], index) => ({
      elem: data.elements[index],
      atom: data.names[index],
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
      model.addAtoms(atoms(frames[0]));
      for (const frame of frames.slice(1)) model.addFrame(atoms(frame));
      const colours = Object.assign({}, heteroatoms, { C: carbon });
      for (const elem of new Set(data.elements)) {
        const color = colours[elem] || "#c060c0";
        viewer.setStyle({ elem: elem }, { stick: { radius: 0.13, color: color }, sphere: { scale: 0.22, color: color } });
      }
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
