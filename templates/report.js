"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { rows } = data;
  const filter = document.getElementById("filter");
  const count = document.getElementById("count");
  const help = document.getElementById("help");
  const number = new Map(rows.map((row, at) => [row.id, at]));

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  // The theme: as the system, or what was chosen here before.
  const themes = ["auto", "light", "dark"];
  const root = document.documentElement;
  const store = (act) => { try { return act(window.localStorage); } catch { return null; } };
  const theme = (name) => {
    if (name === "auto") delete root.dataset.theme; else root.dataset.theme = name;
    document.querySelector("#theme span").textContent = name;
  };
  const nextTheme = () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
    theme(next);
    store((it) => it.setItem("agent-capture-theme", next));
  };
  const chosen = store((it) => it.getItem("agent-capture-theme"));
  if (themes.includes(chosen)) theme(chosen);

  // What unfolds below a command is made when it is asked for.
  const node = ([text, status, took, below], depth) => {
    const item = element("li");
    const label = below.length ? element("summary") : item;
    label.append(element("code", text));
    const words = [status === "exit 0" ? "" : status, took === null ? "" : time(took)].filter(Boolean).join(", ");
    if (words) label.append(" ", element("small", words, status && status !== "exit 0" ? "bad" : ""));
    if (below.length) {
      const fold = element("details");
      fold.open = depth < 2;
      fold.append(label, tree(below, depth + 1));
      item.append(fold);
    }
    return item;
  };
  const tree = (nodes, depth) => {
    const list = element("ul", "", depth ? "" : "tree");
    list.append(...nodes.map((it) => node(it, depth)));
    return list;
  };
  const time = (ms) => ms < 1000 ? `${ms} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min ${Math.floor(ms / 1000) % 60} s`;

  const detail = (row, code) => {
    const box = element("div", "", "unfolded");
    if (row.whole || code.scrollWidth > code.clientWidth) box.append(element("pre", row.whole || row.line));
    const facts = element("p");
    facts.append("in ", element("code", row.cwd || "the project"));
    for (const note of row.notes || []) facts.append("; " + note);
    for (const name of row.checks || []) {
      const link = element("a", name);
      link.href = "#k-" + name;
      facts.append("; is the check ", link);
    }
    box.append(facts);
    if (row.tree) box.append(tree(row.tree, 0));
    return box;
  };
  const template = document.getElementById("bar").content.firstElementChild;

  // A row is made when it comes near to what is seen; rows that are not seen cost nothing.
  const made = [];
  const item = (at) => {
    if (made[at]) return made[at];
    const row = rows[at];
    const li = element("li", "", row.state);
    li.id = row.id;
    const button = element("button");
    button.type = "button";
    button.tabIndex = at === current ? 0 : -1;
    button.setAttribute("aria-expanded", "false");
    const bar = template.cloneNode(true);
    bar.firstElementChild.setAttribute("x", row.from);
    bar.firstElementChild.setAttribute("width", row.length);
    button.append(element("time", row.at), bar, element("code", row.line), element("i", row.took), element("b", row.status));
    li.append(button);
    const chips = element("span");
    for (const name of (row.packages || []).slice(0, 4)) {
      const link = element("a", data.packages[name]);
      link.href = "#p" + name;
      chips.append(link);
    }
    if ((row.packages || []).length > 4) chips.append(element("em", "+" + (row.packages.length - 4)));
    for (const tag of row.tags || []) chips.append(element("em", tag));
    if (chips.firstChild) li.append(chips);
    return made[at] = li;
  };
  const SIZE = 100;
  let shown = rows.map((_, at) => at);
  let current = 0;
  let chunks = [];
  const fill = (chunk) => {
    if (!chunk.numbers) return;
    chunk.list.append(...chunk.numbers.map(item));
    chunk.list.style.minHeight = "";
    chunk.numbers = null;
    near.unobserve(chunk.list);
  };
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) fill(chunks[Number(entry.target.dataset.chunk)]);
  }, { rootMargin: "1500px" });
  const layout = () => {
    near.disconnect();
    chunks = [];
    for (const [part, place] of [...document.querySelectorAll(".rows")].entries()) {
      const own = shown.filter((at) => rows[at].part === part);
      const lists = [];
      for (let from = 0; from < own.length; from += SIZE) {
        const list = element("ol", "", "chunk");
        const numbers = own.slice(from, from + SIZE);
        list.dataset.chunk = chunks.length;
        list.style.containIntrinsicHeight = list.style.minHeight = `calc(${numbers.length} * var(--row))`;
        chunks.push({ list, numbers, all: new Set(numbers) });
        lists.push(list);
      }
      place.replaceChildren(...lists);
      place.parentElement.hidden = own.length === 0 && rows.length > 0;
    }
    if (chunks.length) fill(chunks[0]);
    for (const chunk of chunks) if (chunk.numbers) near.observe(chunk.list);
  };
  // The rest is made when nothing else is to do, so that the browser's own search finds it.
  const later = window.requestIdleCallback || ((act) => setTimeout(act, 200));
  const rest = () => {
    const next = chunks.find((chunk) => chunk.numbers);
    if (next) { fill(next); later(rest); }
  };
  const button = (at) => {
    const chunk = chunks.find((it) => it.all.has(at));
    if (chunk) fill(chunk);
    return item(at).firstElementChild;
  };

  const unfold = (at, open) => {
    const row = item(at);
    const is = row.firstElementChild.getAttribute("aria-expanded") === "true";
    if (open === is) return;
    row.firstElementChild.setAttribute("aria-expanded", String(open));
    row.classList.toggle("open", open);
    if (open) row.append(detail(rows[at], row.querySelector("code"))); else row.querySelector(":scope > .unfolded").remove();
  };
  const toggle = (at) => unfold(at, item(at).firstElementChild.getAttribute("aria-expanded") !== "true");

  // One command at a time is in the order of tabs; keys move from it.
  const select = (at, block) => {
    if (at === undefined) return;
    if (made[current]) made[current].firstElementChild.tabIndex = -1;
    current = at;
    const it = button(at);
    it.tabIndex = 0;
    if (block) {
      it.focus({ preventScroll: true });
      it.parentElement.scrollIntoView({ block, behavior: "instant" });
    }
  };
  const move = (by) => {
    const at = shown.indexOf(current);
    const inside = made[current] && document.activeElement === made[current].firstElementChild;
    select(shown[at < 0 || !inside ? Math.max(at, 0) : Math.min(Math.max(at + by, 0), shown.length - 1)], "nearest");
  };
  const go = (id) => {
    const at = number.get(id);
    if (at === undefined) return;
    if (!shown.includes(at)) search("");
    unfold(at, true);
    select(at, "center");
  };

  // The filter: all words must be found.
  const many = (number) => number.toLocaleString("en");
  const texts = [];
  const packages = new Map(data.packages.map((name, at) => [name.toLowerCase(), at]));
  const tags = ["network", "check", "claimed"];
  const test = (word) => {
    if (word.startsWith("pkg:")) {
      const name = word.slice(4);
      const wanted = packages.has(name) ? [packages.get(name)] : [...packages].filter(([it]) => it.includes(name)).map(([, at]) => at);
      return (row) => (row.packages || []).some((it) => wanted.includes(it));
    }
    if (word === "failed") return (row) => row.state === "fail";
    return (row, at) => {
      texts[at] ||= `${row.whole || row.line} ${row.status}`.toLowerCase();
      return texts[at].includes(word) || (tags.includes(word) && (row.tags || []).includes(word));
    };
  };
  let wait;
  const search = (value) => {
    clearTimeout(wait);
    filter.value = value;
    const tests = value.toLowerCase().split(/\s+/).filter(Boolean).map(test);
    shown = [];
    rows.forEach((row, at) => { if (tests.every((it) => it(row, at))) shown.push(at); });
    layout();
    count.textContent = tests.length ? `${many(shown.length)} of ${many(rows.length)}` : many(rows.length);
    document.getElementById("nothing").hidden = shown.length > 0;
    if (!shown.includes(current)) select(shown[0]);
    later(rest);
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest("button, a");
    if (!target) return;
    if (target.matches("li[id] > button")) {
      const at = number.get(target.parentElement.id);
      select(at);
      toggle(at);
    } else if (target.matches("a.command")) {
      event.preventDefault();
      go(target.hash.slice(1));
    } else if (target.matches(".all")) {
      search("pkg:" + data.packages[Number(target.dataset.package)]);
      select(shown[0], "nearest");
      document.getElementById("timeline").scrollIntoView({ behavior: "instant" });
    } else if (target.id === "theme") {
      nextTheme();
    } else if (target.id === "keys") {
      help.showModal();
    }
  });
  filter.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(() => search(filter.value), 60);
  });

  const keys = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
    ArrowRight: () => unfold(current, true), ArrowLeft: () => unfold(current, false),
    Home: () => select(shown[0], "nearest"), End: () => select(shown[shown.length - 1], "nearest"),
    p: () => {
      const link = made[current] && made[current].querySelector(":scope > span > a");
      if (link) { link.click(); link.focus(); }
    },
    "/": () => { filter.focus(); filter.select(); },
    "?": () => help.showModal(),
    t: nextTheme,
    Escape: () => { if (filter.value) search(""); },
  };
  document.addEventListener("keydown", (event) => {
    if (help.open || event.ctrlKey || event.metaKey || event.altKey || !rows.length) return;
    const { target } = event;
    if (target === filter) {
      if (event.key === "Escape") { search(""); filter.blur(); select(current, "nearest"); }
      else if (event.key === "Enter" || event.key === "ArrowDown") { search(filter.value); select(shown[0], "nearest"); }
      else return;
      event.preventDefault();
      return;
    }
    const arrows = event.key.length > 1 && event.key !== "Escape";
    const onRow = target.matches("li[id] > button");
    if (!keys[event.key] || (arrows && !onRow)) return;
    event.preventDefault();
    keys[event.key]();
  });
  window.addEventListener("beforeprint", () => chunks.forEach(fill));
  count.textContent = many(rows.length);
  layout();
  later(rest);
  if (/^#s\d+-c\d+$/.test(location.hash)) go(location.hash.slice(1));
})();
