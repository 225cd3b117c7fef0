/* Pictures: one function per kind, numbers from the page's JSON, colours from the page's tokens.
   SVG renderer and rich-text tooltips: nothing here writes a style attribute into markup. */
"use strict";

(() => {
  const drawn = new Map();

  /* A token may be light-dark(...): let the browser resolve it on an element. */
  function token(name) {
    const probe = document.createElement("span");
    probe.className = "only-read";
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }

  function tokens() {
    const names = ["ink", "ink-2", "ink-3", "line", "line-strong", "surface", "accent", "data-1", "data-2", "data-3", "data-4", "sunken"];
    return Object.fromEntries(names.map((name) => [name, token(`--${name}`)]));
  }

  function formatter(unit, language, currency, digits) {
    const plain = new Intl.NumberFormat(language, { maximumFractionDigits: unit === "count" ? 0 : 2 });
    const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });
    return (value) => {
      if (value === null || value === undefined || Number.isNaN(value)) return "—";
      if (unit === "ratio") return percent.format(value);
      if (unit === "money") {
        return new Intl.NumberFormat(language, { style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: 0, maximumFractionDigits: Math.abs(value) >= 1000 ? 0 : digits }).format(value);
      }
      return plain.format(value);
    };
  }

  function short(unit, language, currency) {
    const options = { notation: "compact", maximumFractionDigits: 1 };
    if (unit === "ratio") return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format;
    if (unit === "money") Object.assign(options, { style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: 0 });
    return new Intl.NumberFormat(language, options).format;
  }

  /* Lines with their names at their ends: the first is "now". */
  function line(data, colours, width) {
    const say = formatter(data.unit, data.language, data.currency, data.digits);
    const axis = short(data.unit, data.language, data.currency);
    const looks = [
      { color: colours.accent, width: 2.5, type: "solid" },
      { color: colours["data-1"], width: 1.5, type: "dashed" },
      { color: colours["data-2"], width: 1.5, type: "dotted" },
    ];
    const isNarrow = width < 520;
    /* Room for the names at the ends of the lines; a Chinese character is as wide as two letters. */
    const widest = Math.max(...data.series.map((one) => [...one.name].reduce((sum, sign) => sum + (sign > "\u2e80" ? 13 : 6.8), 0)));
    const series = data.series.map((one, index) => {
      const look = data.is_past && index === 0 ? { ...looks[0], color: colours["data-1"] } : looks[index];
      const last = one.values.reduce((found, value, at) => (value === null ? found : at), -1);
      return {
        type: "line",
        name: one.name,
        data: one.values.map((value, at) => ({
          value,
          symbol: at === last && index === 0 ? "circle" : "none",
          symbolSize: 7,
        })),
        showSymbol: true,
        connectNulls: false,
        lineStyle: look,
        itemStyle: { color: look.color },
        z: 10 - index,
        emphasis: { disabled: true },
        endLabel: {
          show: !isNarrow,
          formatter: one.name,
          color: index === 0 ? colours.ink : colours["ink-2"],
          fontSize: 13,
          fontWeight: index === 0 ? 600 : 400,
          distance: 8,
          padding: [3, 0],
        },
        labelLayout: { moveOverlap: "shiftY" },
        markLine: index === 0 && data.edge !== null && data.edge !== undefined ? {
          silent: true,
          symbol: "none",
          lineStyle: { color: colours.accent, width: 1, type: [2, 4] },
          label: { formatter: data.edge_name, color: colours["ink-2"], fontSize: 13, position: "end" },
          data: [{ xAxis: data.edge }],
        } : undefined,
      };
    });
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 },
      aria: { enabled: false },
      grid: { left: 8, right: isNarrow ? 12 : Math.min(220, widest + 20), top: isNarrow ? (series.length > 2 ? 64 : 44) : 28, bottom: 4, containLabel: true },
      legend: isNarrow && series.length > 1 ? { top: 0, left: 0, itemWidth: 20, itemHeight: 8, icon: "roundRect", textStyle: { color: colours["ink-2"], fontSize: 13 } } : undefined,
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        backgroundColor: colours.surface,
        borderColor: colours["line-strong"],
        borderWidth: 1,
        padding: [8, 12],
        textStyle: { color: colours.ink, fontSize: 13 },
        axisPointer: { lineStyle: { color: colours["line-strong"] } },
        formatter: (items) => [items[0].axisValueLabel, ...items.map((item) => `${item.seriesName}  ${say(item.value)}`)].join("\n"),
      },
      xAxis: {
        type: "category",
        data: data.labels,
        boundaryGap: false,
        axisLine: { lineStyle: { color: colours["line-strong"] } },
        axisTick: { show: false },
        axisLabel: { color: colours["ink-3"], fontSize: 13, hideOverlap: true, margin: 12 },
      },
      yAxis: {
        type: "value",
        splitNumber: 4,
        axisLabel: { color: colours["ink-3"], fontSize: 13, formatter: axis },
        splitLine: { lineStyle: { color: colours.line } },
      },
      series,
    };
  }

  /* Ranked bars with name and number on the bar's own line: reads on a phone as well. */
  function ranked(data, colours, width) {
    const say = formatter(data.unit, data.language, data.currency, data.digits);
    const most = Math.max(...data.values.map((value) => value ?? 0), 0);
    const after = width < 520 ? undefined : data.after; // a phone has no room beside the number
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 },
      grid: { left: 8, right: width < 520 ? 72 : after ? 136 : 96, top: 4, bottom: 4, containLabel: true },
      xAxis: { type: "value", show: false, max: most || 1 },
      yAxis: {
        type: "category",
        inverse: true,
        data: data.labels,
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: colours.ink, fontSize: 13, width: width < 520 ? 96 : 160, overflow: "truncate" },
      },
      tooltip: {
        trigger: "item",
        renderMode: "richText",
        backgroundColor: colours.surface,
        borderColor: colours["line-strong"],
        textStyle: { color: colours.ink, fontSize: 13 },
        formatter: (item) => `${item.name}  ${say(item.value)}`,
      },
      series: [{
        type: "bar",
        barMaxWidth: 18,
        data: data.values.map((value, index) => ({ value, itemStyle: { color: data.paid[index] ? colours["data-1"] : colours["data-3"] } })),
        itemStyle: { borderRadius: [0, 3, 3, 0] },
        label: { show: true, position: "right", color: colours["ink-2"], fontSize: 13, formatter: (item) => [say(item.value), after?.[item.dataIndex]].filter(Boolean).join(" · ") },
        emphasis: { disabled: true },
      }],
    };
  }

  /* Ways as bands between places. A place that can be opened or folded is a link. */
  function sankey(data, colours, width) {
    const say = formatter("count", data.language, "", 0);
    const looks = { channel: "data-1", type: "data-2", page: "data-2", others: "data-3", more: "data-3", order: "ink", exit: "ink-3" };
    const labels = new Map(data.nodes.map((node) => [node.name, node.label]));
    const isNarrow = width < 760;
    return {
      animation: false,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 13 },
      tooltip: {
        trigger: "item",
        renderMode: "richText",
        backgroundColor: colours.surface,
        borderColor: colours["line-strong"],
        textStyle: { color: colours.ink, fontSize: 13 },
        formatter: (item) => (item.dataType === "edge"
          ? `${labels.get(item.data.source)} → ${labels.get(item.data.target)}\n${say(item.data.value)} ${data.visits_word} · ${item.data.share}`
          : `${item.data.label}\n${say(item.data.visits)} ${data.visits_word} · ${data.ordered_word} ${item.data.ordered}`),
      },
      series: [{
        type: "sankey",
        left: 4,
        right: isNarrow ? 84 : 132,
        top: 8,
        bottom: 8,
        nodeWidth: 10,
        nodeGap: 10,
        layoutIterations: 24,
        draggable: false,
        data: data.nodes.map((node) => ({
          ...node,
          itemStyle: { color: colours[looks[node.kind]], borderWidth: 0 },
          cursor: node.url ? "pointer" : "default",
        })),
        links: data.links,
        lineStyle: { color: colours["data-3"], opacity: 0.35, curveness: 0.5 },
        emphasis: { focus: "adjacency", lineStyle: { opacity: 0.7 } },
        label: {
          color: colours.ink,
          fontSize: 13,
          width: isNarrow ? 76 : 124,
          overflow: "truncate",
          textBorderColor: colours.surface,
          textBorderWidth: 3,
          formatter: (item) => item.data.label,
        },
      }],
    };
  }

  const kinds = { line, ranked, sankey };

  function draw(box) {
    if (!box.clientWidth) return; // not shown at this width
    const data = JSON.parse(document.getElementById(box.dataset.picture).textContent);
    const chart = drawn.get(box) ?? echarts.init(box, null, { renderer: "svg", locale: data.language.startsWith("zh") ? "ZH" : "EN" });
    drawn.set(box, chart);
    chart.setOption(kinds[data.kind](data, tokens(), box.clientWidth), true);
    chart.off("click");
    chart.on("click", (item) => {
      if (item.data?.url) location.assign(item.data.url);
    });
  }

  function drawAll(root) {
    for (const box of root.querySelectorAll("[data-picture]")) draw(box);
  }

  function sweep() {
    for (const [box, chart] of drawn) {
      if (!box.isConnected) {
        chart.dispose();
        drawn.delete(box);
      }
    }
  }

  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:afterSettle", (event) => {
    sweep();
    drawAll(event.detail.elt ?? document);
  });
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const [box, chart] of drawn) if (box.clientWidth) chart.resize();
      drawAll(document);
    }, 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
})();
