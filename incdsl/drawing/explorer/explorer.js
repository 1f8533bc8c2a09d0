"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const make = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const size = data.ruler ? { ...data.ruler.axes } : {};
  let state = "";
  let pinned = "";

  // Numbers

  const extent = (e) => {
    if (typeof e === "number") return e;
    const [base, scale, offset, divisor] = e;
    const inner = typeof base === "string" ? size[base] : base.min ? Math.min(...base.min.map(extent)) : extent(base);
    return Math.floor((scale * inner + offset) / divisor);
  };
  const known = (e) => typeof e === "number" || !axesOf(e).some((axis) => size[axis] === undefined);
  const axesOf = (e) => typeof e === "number" ? [] : typeof e[0] === "string" ? [e[0]]
    : e[0].min ? e[0].min.flatMap(axesOf) : axesOf(e[0]);
  const grid = (node) => node.grid.length && node.grid.every(known) ? node.grid.map(extent).join(" × ") : "";
  const shape = (name) => {
    const node = data.nodes[name];
    return node ? [node.c, grid(node)].filter((text) => text !== "").join(" × ") : "";
  };
  const legal = () => {
    if (!data.ruler) return true;
    const at = Math.max(...Object.values(size));
    return data.ruler.runs.some(([from, to]) => from <= at && at <= to);
  };
  const units = (number) => {
    for (const [unit, word] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (number >= unit) return `${(number / unit).toPrecision(3)} ${word}`;
    }
    return String(number);
  };
  const percent = (part, whole) => `${(100 * part / whole).toPrecision(2)} %`;

  // The figure

  const boxes = () => [...$("figure").querySelectorAll("g[data-path]")];
  const boxOf = (path) => boxes().find((box) => box.dataset.path === path);

  const show = (next) => {
    state = next in data.states ? next : "";
    $("figure").innerHTML = data.states[state];
    const svg = $("figure").firstElementChild;
    svg.setAttribute("role", "group");
    for (const box of boxes()) {
      const fact = data.boxes[box.dataset.path];
      const title = box.querySelector(":scope > title");
      box.setAttribute("aria-label", title ? title.textContent : box.dataset.path);
      if (title) title.remove();
      if (!fact) continue;
      box.setAttribute("tabindex", "0");
      box.setAttribute("role", "button");
      if (data.blocks[box.dataset.path]) box.setAttribute("aria-expanded", String(isOpen(box.dataset.path)));
    }
    resize();
    mark(pinned);
    if (!boxOf(pinned)) $("card").hidden = true;
    for (const button of $("modes").children) button.setAttribute("aria-pressed", String(button.dataset.state === modeOf(state)));
  };
  const modeOf = (name) => name.startsWith("heat ") || name === "all" ? name : "";
  const isOpen = (path) => (data.opened[state] ?? []).includes(path);

  const resize = () => {
    const fine = legal();
    for (const text of $("figure").querySelectorAll("[data-node]")) {
      const node = data.nodes[text.dataset.node];
      if (!node || !node.grid.length) continue;
      text.dataset.whole ??= String(text.textContent.split("×").length > 2 || text.textContent.split("x").length > 2);
      const now = grid(node);
      if (now) text.textContent = !fine ? "–" : text.dataset.whole === "true" ? `${node.c} × ${now}` : now;
    }
  };

  const mark = (path) => {
    for (const each of document.querySelectorAll(".on, .near")) each.classList.remove("on", "near");
    const fact = data.boxes[path];
    if (!fact) return;
    boxOf(path)?.classList.add("on");
    for (const [from, to] of fact.at) {
      for (const token of tokens) {
        const at = Number(token.dataset.at);
        if (from <= at && at < to) {
          token.classList.add("on");
          token.parentElement.classList.add("near");
        }
      }
    }
  };

  // Selects a step; what the reader looks at already does not move.
  const select = (path, { from = "" } = {}) => {
    if (!data.boxes[path]) return;
    pinned = path;
    if (!boxOf(path)) show(stateOf(path));
    if (from !== "figure") boxOf(path)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    mark(path);
    card(path);
    if (from !== "spec") $("spec").querySelector(".on")?.scrollIntoView({ block: "nearest" });
  };
  const stateOf = (path) => {
    for (let home = data.boxes[path].home; home; home = data.boxes[home]?.home) {
      if (data.blocks[home]) return data.blocks[home];
    }
    return "";
  };

  const toggle = (path) => {
    if (!data.blocks[path] || state.startsWith("heat ") || state === "all") return;
    const home = data.boxes[path].home;
    show(isOpen(path) ? (home ? data.blocks[home] ?? "" : "") : data.blocks[path]);
    boxOf(path)?.focus();
  };

  // The card

  const row = (list, name, value) => {
    if (value === "" || value === null || value === undefined) return;
    list.append(make("dt", name));
    const cell = make("dd");
    cell.append(value);
    list.append(cell);
  };

  const card = (path) => {
    const fact = data.boxes[path];
    const box = boxOf(path);
    const here = $("card");
    here.replaceChildren(make("h2", path), make("code", fact.text));
    const list = make("dl");
    const from = fact.in.map(shape).join(", ");
    const to = fact.out.map(shape).join(", ");
    row(list, "in, out", legal() ? [from, to].filter(Boolean).join(" → ") : "not a legal size");
    const elsewhere = data.ruler && Object.keys(size).some((axis) => size[axis] !== data.ruler.axes[axis]);
    const there = elsewhere ? `, at ${Object.values(data.ruler.axes).join(" × ")}` : "";
    for (const line of fact.arithmetic ?? []) row(list, "arithmetic", `${line}${there}`);
    row(list, "parameters", fact.params ? fact.params.toLocaleString("en") : "");
    row(list, "MACs", fact.macs ? `${units(fact.macs)}${data.macs ? `, ${percent(fact.macs, data.macs)}` : ""}${there}` : "");
    if (fact.sees) row(list, "sees", sees(fact.sees));
    if ((fact.ops ?? []).length > 1) row(list, "ops", fact.ops.join(", "));
    row(list, "written at", fact.at.length ? place(path) : "another file");
    here.append(list);
    if (fact.macs && data.macs) {
      const bar = make("div", "", { class: "share" });
      const inner = make("i");
      inner.style.width = `${Math.min(100, 100 * fact.macs / data.macs)}%`;
      bar.append(inner);
      here.append(bar);
    }
    if (fact.keys) {
      const keys = make("details");
      keys.append(make("summary", `${fact.keys.length + fact.more_keys} keys`), make("code", fact.keys.join("\n")));
      keys.lastChild.style.whiteSpace = "pre-wrap";
      here.append(keys);
    }
    if (data.blocks[path] && !state.startsWith("heat ") && state !== "all") {
      const open = make("button", isOpen(path) ? "close" : "open", { type: "button", class: "link" });
      open.addEventListener("click", () => { toggle(path); select(path); });
      here.append(open);
    }
    here.hidden = false;
    put(here, box);
  };

  const put = (here, box) => {
    if (!box) return;
    const around = $("left").getBoundingClientRect();
    const target = box.getBoundingClientRect();
    const right = target.right - around.left + 14;
    const left = target.left - around.left - here.offsetWidth - 14;
    here.style.left = `${right + here.offsetWidth < around.width ? right : Math.max(4, left)}px`;
    here.style.top = `${Math.max(4, Math.min(target.top - around.top, around.height - here.offsetHeight - 8))}px`;
  };

  const place = (path) => {
    const token = tokens.find((each) => Number(each.dataset.at) >= data.boxes[path].at[0][0]);
    const line = token.parentElement.id.slice(1);
    const link = make("button", `line ${line}`, { type: "button", class: "link" });
    link.addEventListener("click", () => { tab("spec"); token.scrollIntoView({ block: "center" }); });
    return link;
  };

  const sees = ([height, width]) => {
    const words = height === null ? "the whole input" : `${height === width ? height : `${height} × ${width}`} pixels`;
    const cell = make("span");
    const of = Math.max(...Object.values(size), 1);
    if (Object.keys(size).length) {
      const side = (n) => n === null ? 26 : Math.max(2, Math.min(26, 26 * n / of));
      const [h, w] = [side(height), side(width)];
      cell.innerHTML = `<svg width="28" height="28" aria-hidden="true"><rect x="1" y="1" width="26" height="26" fill="none" `
        + `stroke="var(--line)"/><rect x="${14 - w / 2}" y="${14 - h / 2}" width="${w}" height="${h}" fill="var(--accent)"/></svg> `;
    }
    cell.append(words);
    return cell;
  };

  // The spec

  const tokens = [...$("spec").querySelectorAll("[data-at]")];
  const at = (offset) => {
    let best = "";
    let length = Infinity;
    const written = [...Object.entries(data.boxes).map(([path, fact]) => [path, fact.at]), ...data.kernels];
    for (const [path, places] of written) {
      for (const [from, to] of places) {
        if (from > offset || offset >= to) continue;
        const near = to - from - (boxOf(path) ? 0.5 : 0) - (pinned && path.startsWith(pinned.split(".")[0]) ? 0.25 : 0);
        if (near < length) [best, length] = [path, near];
      }
    }
    return best;
  };

  // The size of the input

  const ruler = () => {
    const r = data.ruler;
    if (!r) return;
    $("sizes").hidden = false;
    const slider = $("slider");
    const first = r.runs.length ? Math.max(1, Math.floor(r.runs[0][0] * 0.7)) : 1;
    slider.min = first;
    slider.max = r.most;
    slider.value = Math.max(...Object.values(size));
    const draw = () => {
      const svg = $("ruler").querySelector("svg");
      const width = $("ruler").clientWidth;
      const x = (n) => (n - first) / (r.most - first) * width;
      const parts = [`<line class="none" x1="0" x2="${width}" y1="28" y2="28"/>`];
      for (const [name, spans] of [["runs", r.runs], ["trains", r.trains]]) {
        for (const [from, to] of spans) {
          if (to < first) continue;
          const start = x(Math.max(from, first));
          parts.push(`<line class="${name}" x1="${start}" x2="${Math.max(x(to), start + 1)}" y1="28" y2="28"/>`);
        }
      }
      const node = data.nodes[r.last];
      const now = { ...size };
      let before = "";
      let room = -60;
      for (let n = first; node && n <= r.most; n += 1) {
        if (!r.runs.some(([from, to]) => from <= n && n <= to)) continue;
        for (const axis of Object.keys(size)) size[axis] = n;
        const text = grid(node).replaceAll(" ", "");
        if (text === before) continue;
        before = text;
        if (x(n) - room < 52) continue;
        room = x(n);
        parts.push(`<line x1="${x(n)}" x2="${x(n)}" y1="34" y2="40"/><text x="${x(n)}" y="53">${n}</text>`
          + `<text class="top" data-grid="${text}" x="${x(n)}" y="14">${text}</text>`);
      }
      Object.assign(size, now);
      svg.innerHTML = parts.join("");
      told();
    };
    const told = () => {
      const at = Object.values(size);
      const last = data.nodes[r.last];
      const text = last && legal() ? grid(last) : "";
      $("size").textContent = `input ${at.join(" × ")}`;
      $("grid").textContent = legal() ? (text ? `last grid ${text}` : "") : "not a legal size";
      slider.setAttribute("aria-valuetext", `${$("size").textContent}, ${$("grid").textContent}`);
      for (const each of $("ruler").querySelectorAll(".top")) {
        each.classList.toggle("on", each.dataset.grid === text.replaceAll(" ", ""));
      }
    };
    slider.addEventListener("input", () => {
      for (const axis of Object.keys(size)) size[axis] = Number(slider.value);
      told();
      resize();
      if (pinned && !$("card").hidden) card(pinned);
    });
    const says = Object.entries(r.says).map(([axis, text]) => `${axis} ${text}`).join(", ");
    $("legend").append(make("li", `runs: ${says}`, { class: "runs" }));
    if (JSON.stringify(r.runs) !== JSON.stringify(r.trains)) {
      const from = r.trains.length ? `trains from ${r.trains[0][0]}` : "trains at no size shown";
      $("legend").append(make("li", from, { class: "trains" }));
    }
    addEventListener("resize", draw);
    draw();
  };

  // Search

  const search = () => {
    const words = $("find").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const list = $("found");
    list.replaceChildren();
    const hits = words.length ? Object.entries(data.boxes).filter(([path, fact]) => {
      const text = `${path} ${fact.text} ${fact.kind ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    }).slice(0, 40) : [];
    hits.forEach(([path, fact], i) => {
      const item = make("li", path, { role: "option", id: `found-${i}`, "aria-selected": String(i === 0), "data-path": path });
      item.append(make("span", fact.text.slice(0, 50)));
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(path); });
      list.append(item);
    });
    if (words.length && !hits.length) list.append(make("li", "nothing of that name", { role: "option", "aria-selected": "false" }));
    list.hidden = !words.length;
    $("find").setAttribute("aria-expanded", String(!list.hidden));
    active(0);
  };
  const active = (step) => {
    const items = [...$("found").querySelectorAll("[data-path]")];
    if (!items.length) return $("find").removeAttribute("aria-activedescendant");
    const now = Math.max(0, items.findIndex((item) => item.getAttribute("aria-selected") === "true"));
    const next = (now + step + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === next)));
    items[next].scrollIntoView({ block: "nearest" });
    $("find").setAttribute("aria-activedescendant", items[next].id);
  };
  const take = (path) => {
    $("found").hidden = true;
    $("find").setAttribute("aria-expanded", "false");
    $("find").removeAttribute("aria-activedescendant");
    select(path);
    boxOf(path)?.focus({ preventScroll: true });
  };

  // Tabs: the spec, what the optimizer does, what runs beside what

  const names = { spec: "spec", rewrites: "for inference", streams: "streams" };
  const tab = (name) => {
    for (const button of $("tabs").children) {
      const mine = button.id === `tab-${name}`;
      button.setAttribute("aria-selected", String(mine));
      button.tabIndex = mine ? 0 : -1;
    }
    for (const each of Object.keys(names)) $(each).hidden = each !== name;
  };
  const link = (path, text = path) => {
    const near = [path, path.replace(":", "."), path.split(":")[0]];
    const around = path.split(".").map((_, i, parts) => parts.slice(0, parts.length - i).join("."));
    const known = [...near, ...around].find((each) => data.boxes[each]) ?? "";
    if (!known) return make("span", text);
    const made = make("button", text, { type: "button", class: "link" });
    made.addEventListener("click", () => select(known));
    return made;
  };
  const tables = () => {
    if (data.rewrites) {
      const { rules, kinds, launches, bytes } = data.rewrites;
      const here = $("rewrites");
      const table = make("table");
      const line = (cells, tag = "td") => {
        const made = make("tr");
        cells.forEach((text) => made.append(make(tag, text)));
        table.append(made);
      };
      line(["kernels", "as written", "for inference"], "th");
      for (const [kind, [before, after]] of Object.entries(kinds)) if (before || after) line([kind, before, after]);
      line(["all", launches[0], launches[1]]);
      if (bytes[0] !== null) line(["read and written", ...bytes.map((n) => `${(n / 1e6).toFixed(1)} MB`)]);
      here.append(make("h2", "Kernels"), table);
      for (const { rule, applied, declined } of rules) {
        here.append(make("h2", `${rule}: ${applied.length} applied${declined.length ? `, ${declined.length} declined` : ""}`));
        const list = make("ul");
        for (const [done, some] of [["", applied], ["declined: ", declined]]) {
          for (const [path, text] of some) {
            const item = make("li");
            item.append(link(path), make("span", ` ${done}${text}`));
            list.append(item);
          }
        }
        here.append(list);
      }
    }
    for (const { fork, streams } of data.streams) {
      $("streams").append(make("h2", fork));
      const most = Math.max(1, ...streams.map((steps) => steps.reduce((sum, step) => sum + step.macs, 0)));
      for (const steps of streams) {
        const lane = make("div", "", { class: "stream" });
        for (const step of steps) {
          const bar = make("button", step.path.split(".").pop() || step.op, { type: "button", title: `${step.path}: ${step.op}, ${units(step.macs)} MACs` });
          bar.style.width = `${100 * step.macs / most}%`;
          bar.addEventListener("click", () => link(step.path).click());
          lane.append(bar);
        }
        $("streams").append(lane);
      }
    }
    if (data.streams.length) {
      $("streams").prepend(make("p", "What runs side by side on a GPU, as deploy --device cuda writes it: a row is a "
        + "stream. Widths are multiply-accumulates, not times."));
    }
    for (const [name, title] of Object.entries(names)) {
      if (name === "rewrites" && !data.rewrites || name === "streams" && !data.streams.length) continue;
      const button = make("button", title, { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": name });
      button.addEventListener("click", () => tab(name));
      $("tabs").append(button);
    }
    $("tabs").addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const all = [...$("tabs").children];
      const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
      next.focus();
      next.click();
    });
    tab("spec");
  };

  // All together

  const modes = [["", "shapes"], ["all", "all open"], ["heat macs", "MACs"], ["heat params", "parameters"],
    ["heat activations", "activations"]].filter(([name]) => name in data.states);
  for (const [name, title] of modes) {
    const button = make("button", title, { type: "button", "data-state": name, "aria-pressed": "false" });
    button.addEventListener("click", () => show(name));
    $("modes").append(button);
  }
  const theme = (name) => {
    $("dark").media = name === "dark" ? "all" : "not all";
    document.documentElement.style.colorScheme = name;
    for (const button of $("themes").children) button.setAttribute("aria-pressed", String(button.dataset.theme === name));
  };
  for (const button of $("themes").children) button.addEventListener("click", () => theme(button.dataset.theme));
  theme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

  const boxAt = (event) => event.target.closest?.("g[data-path]");
  $("figure").addEventListener("click", (event) => {
    const box = boxAt(event);
    if (!box) return;
    const path = box.dataset.path;
    toggle(path);
    select(path, { from: "figure" });
  });
  $("figure").addEventListener("mouseover", (event) => {
    const box = boxAt(event);
    if (box && data.boxes[box.dataset.path]) { mark(box.dataset.path); card(box.dataset.path); }
  });
  $("figure").addEventListener("mouseout", (event) => {
    if (!boxAt(event)) return;
    mark(pinned);
    if (pinned) card(pinned);
    else $("card").hidden = true;
  });
  $("figure").addEventListener("focusin", (event) => {
    const box = boxAt(event);
    if (box && box.matches(":focus-visible")) select(box.dataset.path, { from: "figure" });
  });
  $("figure").addEventListener("keydown", (event) => {
    const box = boxAt(event);
    if (!box) return;
    const all = boxes().filter((each) => each.tabIndex === 0);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step) {
      all[(all.indexOf(box) + step + all.length) % all.length].focus();
    } else if (event.key === "Enter" || event.key === " ") {
      toggle(box.dataset.path);
      select(box.dataset.path, { from: "figure" });
    } else return;
    event.preventDefault();
  });
  $("spec").addEventListener("click", (event) => {
    const token = event.target.closest("[data-at]");
    const path = token && at(Number(token.dataset.at));
    if (path) select(path, { from: "spec" });
  });
  $("find").addEventListener("input", search);
  $("find").addEventListener("blur", () => { $("found").hidden = true; });
  $("find").addEventListener("keydown", (event) => {
    const chosen = $("found").querySelector('[aria-selected="true"]');
    if (event.key === "ArrowDown" || event.key === "ArrowUp") active(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" && chosen?.dataset.path) take(chosen.dataset.path);
    else if (event.key === "Escape") $("found").hidden = true;
    else return;
    event.preventDefault();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== $("find")) { $("find").focus(); event.preventDefault(); }
    if (event.key === "Escape") { pinned = ""; mark(""); $("card").hidden = true; }
  });

  tables();
  show("");
  ruler();
  const follow = () => select(decodeURIComponent(location.hash.slice(1)));
  addEventListener("hashchange", follow);
  follow();
  document.documentElement.dataset.ready = "true";
})();
