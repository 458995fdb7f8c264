// The chart, and the parts of the page that the stream tells anew. Without it the page shows one moment.
(() => {
  const connection = document.getElementById("connection");
  const chart = document.getElementById("chart");
  const SHOWN = 120;
  const curve = new Map(); // epoch second -> [redemptions, refusals]
  let plot = null;

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function columns() {
    const seconds = [...curve.keys()].sort((a, b) => a - b).slice(-SHOWN);
    for (const second of curve.keys()) if (second < seconds[0]) curve.delete(second);
    return [seconds, seconds.map((at) => curve.get(at)[0]), seconds.map((at) => curve.get(at)[1])];
  }

  function draw() {
    const size = { width: chart.clientWidth, height: 220 };
    if (plot) return plot.setData(columns());
    const clock = (_, ticks) => ticks.map((at) => new Date(at * 1000).toISOString().slice(11, 19));
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 } };
    plot = new uPlot({
      ...size,
      padding: [null, 28, null, null], // The last label of the time is as wide as that on either side.
      scales: { y: { range: (_, low, high) => [0, Math.max(5, high * 1.1)] } },
      axes: [{ ...axis, values: clock, space: 80 }, { ...axis, size: 50 }],
      legend: { live: false },
      series: [
        {},
        { label: "Redeemed", stroke: color("--act"), width: 2 },
        { label: "Refused", stroke: color("--stop"), width: 2, dash: [6, 4] },
      ],
    }, columns(), chart);
  }

  // A part is put in the place of the old one; whoever is on a link or button of it stays there.
  function put(id, text) {
    const place = document.getElementById(id);
    const held = place.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...place.querySelectorAll("details[open]")].map((one) => one.id);
    place.innerHTML = text;
    for (const one of open) {
      const details = document.getElementById(one);
      if (details) details.open = true;
    }
    htmx.process(place);
    const again = held && document.getElementById(held);
    if (again) again.focus({ preventScroll: true });
  }

  function say(text) {
    if (connection.textContent !== text) connection.textContent = text;
  }

  const stream = new EventSource(connection.dataset.stream);
  stream.addEventListener("curve", (event) => {
    for (const one of JSON.parse(event.data)) {
      curve.set(Date.parse(one.at) / 1000, [one.redemptions, one.refusals]);
    }
    draw();
    say("Live.");
  });
  for (const part of ["rates", "campaigns"]) {
    stream.addEventListener(part, (event) => put(part, event.data));
  }
  stream.addEventListener("refused", (event) => say(event.data));
  stream.addEventListener("ended", () => {
    stream.close();
    location.assign("/console/sign-in?ended=1");
  });
  stream.onerror = () => {
    // Between two streams, or away. A browser that was refused does not come again by itself.
    if (stream.readyState === EventSource.CLOSED) say("The stream was refused. Load the page anew.");
  };
  addEventListener("resize", () => plot && plot.setSize({ width: chart.clientWidth, height: 220 }));
})();
