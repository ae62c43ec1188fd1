// The charts of the Versions page, drawn by uPlot from data attributes.
"use strict";

const DASHES = [[], [], [8, 4], [2, 3], [8, 3, 2, 3], [12, 4], [4, 4]];

function drawCharts() {
  for (const place of document.querySelectorAll(".chart")) {
    place.replaceChildren();
    const lines = JSON.parse(place.dataset.lines);
    if (lines.length) ({ calibration, drift, risk })[place.dataset.kind](place, lines);
  }
}

function colours(place) {
  const style = getComputedStyle(place);
  const of = (name) => style.getPropertyValue(name).trim();
  return { line: (number) => of(number ? `--c${number}` : "--ink"), ink: of("--soft"), grid: of("--line") };
}

function frame(place, lines, paint, xLabel) {
  return {
    width: Math.max(260, place.clientWidth),
    height: 260,
    cursor: { drag: { x: false, y: false } },
    series: [{ label: xLabel, value: (chart, at) => paint.at(at) }, ...lines.map((line) => ({
      label: line.name,
      stroke: paint.line(line.colour),
      dash: DASHES[(line.dash ?? line.colour) % DASHES.length],
      width: 2,
      points: { show: true, size: 7, fill: paint.line(line.colour) },
      spanGaps: true,
      value: (chart, share) => (share == null ? "–" : `${(share * 100).toFixed(1)} %`),
    }))],
    axes: [0, 1].map((number) => ({
      stroke: paint.ink,
      grid: { stroke: paint.grid, width: 1 },
      ticks: { stroke: paint.grid, width: 1 },
      font: "12px Inter, system-ui, sans-serif",
      ...(number ? { values: (chart, shares) => shares.map((share) => `${Math.round(share * 100)} %`), size: 56 } : {}),
    })),
  };
}

// Merge lines with different x values into aligned columns, the format of uPlot.
function aligned(lines) {
  const xs = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
  return [xs, ...lines.map((line) => {
    const at = new Map(line.points);
    return xs.map((x) => at.get(x) ?? null);
  })];
}

function calibration(place, lines) {
  const paint = { ...colours(place), at: (share) => (share == null ? "–" : `${(share * 100).toFixed(1)} %`) };
  const options = frame(place, lines, paint, "Confidence");
  options.scales = { x: { time: false, range: [0, 1] }, y: { range: [0, 1] } };
  Object.assign(options.axes[0], { label: "Confidence", labelSize: 20, labelFont: options.axes[0].font });
  Object.assign(options.axes[1], { label: "Accuracy", labelSize: 20, labelFont: options.axes[1].font });
  options.axes[0].values = (chart, shares) => shares.map((share) => `${Math.round(share * 100)} %`);
  options.hooks = { drawClear: [(chart) => {
    const { left, top, width, height } = chart.bbox;
    chart.ctx.save();
    chart.ctx.strokeStyle = paint.ink;
    chart.ctx.setLineDash([4, 6]);
    chart.ctx.beginPath();
    chart.ctx.moveTo(left, top + height);
    chart.ctx.lineTo(left + width, top);
    chart.ctx.stroke();
    chart.ctx.restore();
  }] };
  new uPlot(options, aligned(lines), place);
}

function risk(place, lines) {
  const paint = { ...colours(place), at: (share) => (share == null ? "–" : `${(share * 100).toFixed(1)} %`) };
  const options = frame(place, lines, paint, "Automated");
  options.scales = { x: { time: false, range: [0, 1] }, y: { range: [0, Number(place.dataset.top)] } };
  Object.assign(options.axes[0], { label: "Share automated", labelSize: 20, labelFont: options.axes[0].font });
  Object.assign(options.axes[1], { label: "Share of them wrong", labelSize: 20, labelFont: options.axes[1].font });
  options.axes[0].values = (chart, shares) => shares.map((share) => `${Math.round(share * 100)} %`);
  options.axes[1].values = (chart, shares) => shares.map((share) => `${+(share * 100).toFixed(1)} %`);
  new uPlot(options, aligned(lines), place);
}

function drift(place, lines) {
  const inSeconds = lines.map((line) => ({ ...line, points: line.points.map(([day, share]) => [Date.parse(day) / 1000, share]) }));
  const day = (at) => (at == null ? "–" : new Date(at * 1000).toISOString().slice(0, 10));
  const options = frame(place, lines, { ...colours(place), at: day }, "Day");
  options.tzDate = (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC");
  options.scales = { y: { range: (chart, low, high) => [Math.max(0, Math.min(low, 0.5)), 1] } };
  new uPlot(options, aligned(inSeconds), place);
}

let resizeTimer;
addEventListener("resize", () => { clearTimeout(resizeTimer); resizeTimer = setTimeout(drawCharts, 150); });
document.body.addEventListener("htmx:after:swap", drawCharts);
document.body.addEventListener("recolour", drawCharts);
drawCharts();
