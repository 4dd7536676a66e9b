/* What the pages of a site do by themselves; search.js has the list of trials. They are read from a disk, so nothing is
   fetched: a data file is a script that hands its content to TL.got. All text is set as text, never as markup. */
"use strict";
(function () {
  var TL = window.TL, up = document.body.dataset.up || "", waiting = {}, kept = {}, order = [];
  var KEEP = 60; /* data files held */

  /* --- data files --------------------------------------------------------------------------------------------------- */

  TL.got = function (name, data) {
    kept[name] = data;
    order.push(name);
    while (order.length > KEEP) delete kept[order.shift()];
    (waiting[name] || []).forEach(function (f) { f[0](data); });
    delete waiting[name];
  };

  function load(name) {
    return new Promise(function (done, failed) {
      if (kept[name]) return done(kept[name]);
      if (waiting[name]) return waiting[name].push([done, failed]);
      waiting[name] = [[done, failed]];
      var s = document.createElement("script");
      s.src = up + "data/" + name + ".js";
      s.onload = function () { s.remove(); };
      s.onerror = function () {
        (waiting[name] || []).forEach(function (f) { f[1](new Error(s.src + " cannot be read")); });
        delete waiting[name];
      };
      document.head.appendChild(s);
    });
  }

  /* The file whose first id is the last that is not after this one. */
  function fileOf(firsts, id) {
    var low = 0, high = firsts.length;
    while (low < high) {
      var middle = (low + high) >> 1;
      if (firsts[middle] <= id) low = middle + 1; else high = middle;
    }
    return low - 1;
  }

  function rowOf(kind, firsts, id) {
    var at = fileOf(firsts, id);
    if (at < 0) return Promise.resolve(null);
    return load(kind + "-" + at).then(function (d) {
      for (var i = 0; i < d.r.length; i++) if (d.r[i][0] === id) return { d: d, r: d.r[i] };
      return null;
    });
  }

  /* --- elements ----------------------------------------------------------------------------------------------------- */

  function el(tag, more) {
    var e = document.createElement(tag), i, k;
    for (k in more) if (k === "text") e.textContent = more[k]; else if (more[k] !== null) e.setAttribute(k, more[k]);
    for (i = 2; i < arguments.length; i++) {
      if (Array.isArray(arguments[i])) arguments[i].forEach(function (c) { e.append(c); });
      else if (arguments[i] !== null && arguments[i] !== undefined) e.append(arguments[i]);
    }
    return e;
  }

  function mark(o) {
    var x = TL.outcomes[o];
    return el("span", { class: "o " + x[0] }, el("b", { "aria-hidden": "true", text: x[1] }), " " + x[0]);
  }

  function when(ms) {
    var iso = new Date(ms).toISOString();
    return el("time", { datetime: iso, text: iso.slice(0, 16).replace("T", " ") });
  }

  function settings(text) {
    var v;
    try { v = JSON.parse(text); } catch (e) { return text; }
    if (!v || typeof v !== "object") return text;
    return Object.keys(v).map(function (k) { return k + "=" + v[k]; }).join(" ");
  }

  function seconds(s) {
    if (s < 0.000995) return Math.round(s * 1e6) + " µs";
    return s < 0.0995 ? (s * 1000).toPrecision(2) + " ms" : s.toPrecision(3) + " s";
  }

  function option(value, text) { return el("option", { value: value, text: text }); }

  function wide(label, content) { return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": label }, content); }

  /* --- the address -------------------------------------------------------------------------------------------------- */

  function decode(text) { try { return decodeURIComponent(text); } catch (e) { return text; } }

  function readHash() {
    var found = {};
    location.hash.slice(1).split("&").forEach(function (part) {
      var at = part.indexOf("=");
      if (at > 0) found[decode(part.slice(0, at))] = decode(part.slice(at + 1));
    });
    return found;
  }

  function writeHash(state) {
    var parts = Object.keys(state).filter(function (k) { return state[k]; })
      .map(function (k) { return k + "=" + encodeURIComponent(state[k]); });
    history.replaceState(null, "", parts.length ? "#" + parts.join("&") : location.pathname + location.search);
  }

  /* --- words that are looked for --------------------------------------------------------------------------------------- */

  /* Blanks part them, and quotation marks keep them together; all of them have to be there. */
  function wordsOf(text) {
    return ((text || "").toLowerCase().match(/"[^"]*"|\S+/g) || []).map(function (w) { return w.replace(/^"|"$/g, ""); }).filter(Boolean);
  }

  /* layers=4 is not layers=48. */
  function has(text, word) {
    var at = text.indexOf(word);
    if (!/=.*\d$/.test(word)) return at >= 0;
    while (at >= 0 && /[\d.]/.test(text.charAt(at + word.length))) at = text.indexOf(word, at + 1);
    return at >= 0;
  }

  function hasAll(text, words) {
    return words.every(function (w) { return has(text, w); });
  }

  /* A field in the head of every page that leads to the search. */
  function addSearch() {
    var field = el("input", { type: "search", name: "words", autocomplete: "off", spellcheck: "false", placeholder: "Search",
      "aria-label": "Search in everything" });
    var form = el("form", { class: "find", role: "search", "aria-label": "Search in everything" }, field);
    form.addEventListener("submit", function (e) {
      e.preventDefault();
      location.href = up + "trials.html#q=" + encodeURIComponent(field.value);
    });
    document.querySelector("header").append(form);
  }

  /* --- tables that are there already ---------------------------------------------------------------------------------- */

  var collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  /* What a cell is sorted by: [null] stands behind all others. */
  function keyOf(cell) {
    var time = cell && cell.querySelector("time"), text = cell ? cell.textContent.trim() : "", mark, share;
    if (!text || cell.classList.contains("x")) return [null];
    if (cell.dataset.o && cell.querySelector("a")) { /* of a matrix: by how much fails */
      mark = cell.querySelector(".o") || cell.querySelector("a");
      share = /^([A-Z])\s*(\d+)(?:\/(\d+))?/.exec(mark.textContent.trim());
      if (share) return [FAILING.indexOf(share[1]) < 0 ? 0 : 1 + (share[3] ? share[2] / share[3] : 1)];
    }
    if (time) return [Date.parse(time.dateTime)];
    if (/^\d[\d\u202f]*$/.test(text)) return [+text.replace(/\u202f/g, "")];
    return [text];
  }

  function compareKeys(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return collator.compare(String(a), String(b));
  }

  /* Makes the heads of a table buttons. sort(column, down) puts its rows in order. */
  function sortable(table, sort, downFirst) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, i) {
      var button = el("button", { type: "button", class: "sort" });
      button.append.apply(button, Array.from(head.childNodes));
      head.append(button);
      button.addEventListener("click", function () {
        var was = head.getAttribute("aria-sort"), down = was ? was === "ascending" : downFirst(i);
        markSorted(table, i, down);
        sort(i, down);
      });
    });
    table.tHead.classList.add("sortable");
  }

  function markSorted(table, column, down) {
    Array.from(table.tHead.rows[0].cells).forEach(function (h, i) {
      if (i === column) h.setAttribute("aria-sort", down ? "descending" : "ascending"); else h.removeAttribute("aria-sort");
    });
  }

  function sortTables() {
    document.querySelectorAll("main table.list, main table.matrix").forEach(function (table) {
      var body = table.tBodies[0], pages = document.querySelector("nav.pages");
      if (!body || body.rows.length < 2) return;
      sortable(table, function (column, down) {
        var rows = Array.from(body.rows).map(function (r, i) { return [keyOf(r.cells[column])[0], i, r]; });
        rows.sort(function (a, b) {
          if (a[0] === null || b[0] === null) return (a[0] === null) - (b[0] === null) || a[1] - b[1];
          return (down ? -1 : 1) * compareKeys(a[0], b[0]) || a[1] - b[1];
        });
        rows.forEach(function (r) { body.append(r[2]); });
        if (pages && pages.previousElementSibling.contains(table) && !pages.querySelector(".quiet"))
          pages.append(el("span", { class: "quiet", text: "Each page is sorted by itself." }));
      }, function (column) {
        var key = keyOf(body.rows[0].cells[column])[0];
        return typeof key === "number";
      });
    });
  }

  function letters(name) {
    return TL.outcomes.filter(function (o) { return name === "failure" ? o[2] : o[0] === name; }).map(function (o) { return o[1]; });
  }

  var FAILING = letters("failure");

  function filterTable() {
    var form = document.querySelector("form.filter"), table, found, rows, heads, first, texts = [];
    if (!form) return;
    table = form.parentNode.querySelector("form.filter ~ .wide table");
    if (!table) return;
    found = form.querySelector(".found");
    rows = Array.from(table.tBodies[0].rows);
    heads = Array.from(table.tHead.rows[0].cells);
    first = heads.findIndex(function (h) { return h.classList.contains("unit"); });
    if (form.elements.unit) { /* only units that this table has */
      var have = heads.map(function (h) { return h.textContent; });
      Array.from(form.elements.unit.options).forEach(function (o) { if (o.value && have.indexOf(o.value) < 0) o.remove(); });
    }

    if (!table.querySelector("[data-o]")) form.elements.outcome.parentNode.remove(); /* it has none */

    function shows(cell, wanted) {
      return wanted.some(function (l) { return (cell.dataset.o || "").indexOf(l) >= 0; });
    }

    function valueOf(name) { return form.elements[name] ? form.elements[name].value : ""; }

    /* What a row shows: of a matrix its axes as AXIS=VALUE, and its outcomes by name. */
    function textOf(i) {
      if (texts[i]) return texts[i];
      var parts = [], seen = {};
      Array.from(rows[i].cells).forEach(function (c, k) {
        if (first < 0 || k < first) parts.push(c.textContent, heads[k].textContent + "=" + c.textContent);
        (c.dataset.o || "").split("").forEach(function (l) { seen[l] = true; });
      });
      TL.outcomes.forEach(function (o) { if (seen[o[1]]) parts.push(o[0]); });
      return texts[i] = parts.join(" \n").toLowerCase();
    }

    function apply() {
      var q = form.elements.q.value, words = wordsOf(q), o = valueOf("outcome"), shown = 0,
        unit = valueOf("unit"), wanted = o ? letters(o) : null,
        column = unit ? heads.findIndex(function (h) { return h.textContent === unit; }) : -1;
      rows.forEach(function (row, i) {
        var fits = !words.length || hasAll(textOf(i), words), cells;
        if (fits && wanted) {
          cells = row.dataset.o ? [row] : column >= 0 ? [row.cells[column]] : Array.from(row.cells);
          fits = cells.some(function (c) { return shows(c, wanted); });
        } else if (fits && column >= 0) {
          fits = !row.cells[column].classList.contains("x");
        }
        row.hidden = !fits;
        shown += fits;
      });
      heads.forEach(function (h, i) {
        var hide = column >= 0 && first >= 0 && i >= first && i !== column;
        if (h.hidden === hide) return;
        h.hidden = hide;
        rows.forEach(function (row) { row.cells[i].hidden = hide; });
      });
      found.textContent = words.length || o || unit ? shown + " of " + rows.length + " rows" : "";
    }

    function toForm() {
      var state = readHash();
      ["q", "outcome", "unit"].forEach(function (k) { if (form.elements[k]) form.elements[k].value = state[k] || ""; });
      apply();
    }

    function changed() {
      writeHash({ q: valueOf("q"), outcome: valueOf("outcome"), unit: valueOf("unit") });
      apply();
    }

    form.hidden = false;
    form.addEventListener("input", changed);
    form.addEventListener("reset", function () { setTimeout(changed, 0); });
    form.addEventListener("submit", function (e) { e.preventDefault(); });
    window.addEventListener("hashchange", function () { if (/=/.test(location.hash) || !location.hash) toForm(); });
    if (/=/.test(location.hash)) toForm();
  }

  /* --- one trial ------------------------------------------------------------------------------------------------------ */

  function pairs(list) {
    var dl = el("dl", { class: "pairs" });
    list.forEach(function (p) {
      if (p[1] === null || p[1] === undefined || p[1] === "") return;
      dl.append(el("dt", { text: p[0] }), el("dd", {}, p[1]));
    });
    return dl;
  }

  /* To the page of a failure, where it has one. */
  function failure(page, text) {
    return page ? el("a", { href: "failure/" + page + ".html", text: text }) : text;
  }

  function pre(text, label) { return el("pre", { tabindex: "0", role: "region", "aria-label": label, text: text }); }

  function word(text) { return /^[\w\-+=:@.\/,]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'"; }

  function again(id, name, unit, variant) {
    var file = word(name + ".json"), v;
    try { v = JSON.parse(variant); } catch (e) { v = {}; }
    return "trapline show " + id.slice(0, 18) + " --case-file >" + file + "\ntrapline run " + file + " -u " + word(unit) +
      Object.keys(v || {}).map(function (k) { return " -s " + word(k + "=" + v[k]); }).join("");
  }

  function stackInto(place, id, label) {
    rowOf("stacks", TL.stacks, id).then(function (x) {
      if (!x) { place.append(el("p", { text: "The stack is not here." })); return; }
      place.append(pre(x.r[1].map(function (i) { return x.d.s[i]; }).join("\n"), label));
      if (x.r[2].length)
        place.append(el("details", {}, el("summary", { text: "Modules and their build-ids" }),
          pre(x.r[2].map(function (i) { return x.d.s[i]; }).join("\n"), "Modules of " + label)));
    }, function (e) { place.append(el("p", { text: e.message })); });
  }

  function capture(c, S, place, n) {
    var hang = S(c[0]) === "hang", title = hang ? "Stacks when its time was over" : "Stack at " + S(c[3]) + (c[5] ? "" : ", which it survived");
    place.append(el("h2", { text: title }), pairs([["process", S(c[1]) ? S(c[1]) + ", pid " + c[2] : "pid " + c[2]],
      ["si_code", hang ? null : String(c[4])], ["address", S(c[6])], ["instruction", S(c[8])], ["did", S(c[9])]]));
    c[10].forEach(function (t, i) {
      var name = "thread " + t[0] + (S(t[2]) ? ", " + S(t[2]) : ""), own = n === 0 && (t[1] || i === 0), box;
      if (t[1]) name += ", took the signal";
      if (own) {
        box = el("section", { "aria-label": name }, el("h3", { text: name }));
        if (S(t[3])) box.append(el("p", { text: S(t[3]) }));
        if (S(t[4])) stackInto(box, S(t[4]), "Stack of " + name);
      } else {
        box = el("details", {}, el("summary", { text: name + (S(t[4]) ? "" : ", no frames") }));
        if (S(t[3])) box.append(el("p", { text: S(t[3]) }));
        box.addEventListener("toggle", function () {
          if (box.open && !box.dataset.full) {
            box.dataset.full = "1";
            if (S(t[4])) stackInto(box, S(t[4]), "Stack of " + name);
          }
        });
      }
      place.append(box);
    });
    if (c[7] > c[10].length) place.append(el("p", { text: (c[7] - c[10].length) + " threads more are in the database." }));
  }

  function known(x) { return x === undefined || x === null || x === "" ? null : String(x); }

  function environment(e) {
    var m = e.machine || {}, p = m.processor || {};
    return pairs([["ran on", known(e.ran_on)], ["OS", known(e.os)], ["OS build", known(e.os_build)], ["kernel", known(e.kernel)],
      ["machine", [m.name, m.arch, m.cpu, m.cores ? m.cores + " cores" : "", m.memory ? (m.memory / 1073741824).toFixed(1) + " GiB" : ""]
        .filter(Boolean).join(", ")],
      ["processor", ["family", "model", "variant", "stepping", "hypervisor", "container"].filter(function (k) { return known(p[k]); })
        .map(function (k) { return k + " " + p[k]; }).join(", ")],
      ["instruction sets", Array.isArray(p.sets) ? p.sets.join(" ") : null],
      ["runner", known([e.runner, e.runner_version].filter(Boolean).join(" "))], ["device", known(e.device)], ["driver", known(e.driver)],
      ["runtime", known(e.runtime_path)], ["version", known(e.runtime_version)], ["sha256", known(e.runtime_sha256)],
      ["trapline", known(e.trapline)], ["session", known(e.session)]]);
  }

  function showTrial() {
    var place = document.getElementById("trial"), id = decode(location.hash.slice(1));
    place.textContent = "";
    place.append(el("p", { class: "where" }, el("a", { href: "index.html", text: "Overview" }), " / ",
      el("a", { href: "trials.html", text: "Trials" })), el("h1", { text: "Trial " + id.slice(0, 64) }));
    if (!id) { place.append(el("p", { text: "Which one? The list of trials leads to each of them." })); return; }
    rowOf("trials", TL.trials, id).then(function (x) {
      if (decode(location.hash.slice(1)) !== id) return;
      if (!x) { place.append(el("p", { text: "There is no trial of this id here." })); return; }
      draw(place, x.r, x.d);
      document.title = TL.outcomes[x.r[4]][0] + " of " + (TL.cases[x.r[1]] || [""])[0] + " - trapline";
    }, function (e) { place.append(el("p", { text: e.message })); });
  }

  function draw(place, r, d) {
    function S(i) { return i < 0 ? "" : d.s[i]; }
    var c = TL.cases[r[1]] || ["", ""], unit = TL.units[r[2]] || "", variant = S(r[3]), asked = unit.slice(unit.lastIndexOf(":") + 1),
      phases = r[14].map(function (s, p) { return s < 0 ? null : [TL.phases[p], s]; }).filter(Boolean), page = S(r[19]);
    place.append(el("p", {}, mark(r[4]), " in " + TL.phases[r[5]] + (S(r[6]) ? ", " + S(r[6]) : ""), S(r[20]) ? ": " : "",
      S(r[20]) ? el("strong", { text: S(r[20]) }) : ""));
    place.append(el("div", { class: "trial" },
      el("section", { "aria-label": "What came of it" }, pairs([
        ["case", el("a", { href: "case/" + c[1] + ".html", text: c[0] })],
        ["unit", el("a", { href: "trials.html#case=" + encodeURIComponent(c[0]) + "&unit=" + encodeURIComponent(unit), text: unit })],
        ["variant", settings(variant)], ["outcome", TL.outcomes[r[4]][0]], ["phase", TL.phases[r[5]]], ["signal", S(r[6])],
        ["exit status", r[7] < 0 ? "did not exit" : String(r[7])],
        ["failure", failure(page, S(r[20]) || page) || null],
        ["across builds", S(r[21]) !== S(r[20]) ? S(r[21]) : null],
        ["error", [S(r[16]), S(r[17])].filter(Boolean).join(" ")]])),
      el("section", { "aria-label": "How it ran" }, pairs([
        ["started", when(r[9])], ["device asked for", asked], ["device observed", S(r[15]) || "the runner does not say"],
        ["time", seconds(r[10])], ["user, system", seconds(r[11]) + ", " + seconds(r[12])],
        ["peak memory", (r[13] / 1048576).toFixed(1) + " MiB"],
        ["process", r[8] ? "its own" : "forked by a fork server, or not started"], ["command", S(r[22])]]))));
    if (phases.length)
      place.append(el("h2", { text: "Time in each phase" }), wide("Time in each phase", el("table", {},
        el("thead", {}, el("tr", {}, phases.map(function (p) { return el("th", { scope: "col", text: p[0] }); }))),
        el("tbody", {}, el("tr", {}, phases.map(function (p) { return el("td", { text: seconds(p[1]) }); }))))));
    if (S(r[18])) place.append(el("h2", { text: "Message" }), pre(S(r[18]), "Message"));
    r[28].forEach(function (k, n) { capture(k, S, place, n); });
    [["stderr", r[26], r[27]], ["stdout", r[24], r[25]]].forEach(function (o) {
      if (o[2] < 0) return;
      place.append(el("h2", { text: o[0] + ", " + o[1] + " bytes" + (S(o[2]).length < o[1] - 3 ? ", its end" : "") }), pre(S(o[2]), o[0]));
    });
    place.append(el("h2", { text: "Run it again" }), pre(again(r[0], c[0], unit, variant), "Commands"));
    place.append(el("h2", { text: "Environment" }), el("div", { class: "trial" }, environment(d.e[r[23]] || {})));
  }

  var what = document.body.dataset.do;
  if (what !== "trials") { addSearch(); sortTables(); }
  if (what === "table") filterTable();
  else if (what === "trial") { showTrial(); window.addEventListener("hashchange", showTrial); }

  TL.page = { load: load, el: el, mark: mark, when: when, settings: settings, seconds: seconds, option: option, wide: wide,
    readHash: readHash, writeHash: writeHash, letters: letters, wordsOf: wordsOf, hasAll: hasAll, failure: failure, sortable: sortable,
    markSorted: markSorted, compareKeys: compareKeys };
})();
