/* trials.html: the list of all trials, the newest first, and the search in them and in the words of all other pages. Data files
   are loaded one after the other until a screen of lines is full; what they hold is said in lines.c, trials.c and words.c. */
"use strict";
(function () {
  var TL = window.TL, P = TL.page, el = P.el;
  var SHOWN = 200, HITS = 12, SORTED_MOST = 200000; /* lines shown at a time; pages at first; lines that are put in order */
  var COLUMNS = ["started", "outcome", "phase", "case", "unit", "variant", "time", "what"];
  var place = document.getElementById("trials"), pages, form, table, body, found, more, run = 0, state, last, pause;

  /* --- lines ---------------------------------------------------------------------------------------------------------- */

  var STRIDE = 12;

  function lineAt(d, i) {
    var r = d.r, v = r[i + 7];
    d.settings = d.settings || [];
    return { id: r[i], case: r[i + 1], outcome: r[i + 2], phase: TL.phases[r[i + 3]], signal: d.h[r[i + 4]] || "", unit: TL.units[r[i + 5]] || "",
      hash: d.h[r[i + 6]] || "", variant: v < 0 ? "" : d.settings[v] || (d.settings[v] = P.settings(d.v[v])), failure: d.h[r[i + 8]] || "",
      note: d.s[r[i + 9]] || "", t: r[i + 10], wall: r[i + 11] };
  }

  function caseName(x) { return (TL.cases[x.case] || [""])[0]; }

  function textOf(x) {
    return (new Date(x.t).toISOString().slice(0, 16).replace("T", " ") + " " + TL.outcomes[x.outcome][0] + " " + x.phase + " " + x.signal + " " +
      caseName(x) + " " + x.unit + " " + x.variant + " " + (x.wall ? P.seconds(x.wall) : "") + " " + x.note + " " + x.id).toLowerCase();
  }

  function row(x) {
    var c = TL.cases[x.case];
    return el("tr", {}, el("th", { scope: "row" }, el("a", { href: "trial.html#" + x.id }, P.when(x.t))),
      el("td", {}, P.mark(x.outcome)), el("td", { text: x.phase + (x.signal ? ", " + x.signal : "") }),
      el("td", {}, c ? el("a", { href: "case/" + c[1] + ".html", text: c[0] }) : ""),
      el("td", { text: x.unit }), el("td", { class: "variant", text: x.variant }),
      el("td", { class: "n", "data-l": "time", text: x.wall ? P.seconds(x.wall) : "" }), el("td", {}, P.failure(x.failure, x.note)));
  }

  function keyOf(x, column) {
    return [x.t, TL.outcomes[x.outcome][0], x.phase + " " + x.signal, caseName(x), x.unit, x.variant, x.wall, x.note][column];
  }

  /* --- what is asked for ------------------------------------------------------------------------------------------------ */

  function wantedMask() {
    var wanted = state.outcome ? P.letters(state.outcome) : null;
    return TL.outcomes.reduce(function (m, o, i) { return !wanted || wanted.indexOf(o[1]) >= 0 ? m | 1 << i : m; }, 0);
  }

  function isOf(x, s) {
    return (s.mask & 1 << x.outcome) && (s.caseAt === null || x.case === s.caseAt) && (!state.unit || x.unit === state.unit) &&
      (!state.v || x.hash === state.v) && (!state.failure || x.failure === state.failure);
  }

  function fits(x, s) { return isOf(x, s) && (!s.words.length || P.hasAll(textOf(x), s.words)); }

  /* Data files that may hold what is wanted, as a list of their numbers. */
  function wantedFiles(s) {
    var files = [];
    TL.lines.forEach(function (f, i) {
      if ((f[1] & s.mask) && (s.caseAt === null || !f[2] || f[2].indexOf(s.caseAt) >= 0)) files.push(i);
    });
    return files;
  }

  /* --- a search --------------------------------------------------------------------------------------------------------- */

  function search() {
    var at = TL.cases.findIndex(function (c) { return c[0] === state.case; }), down = /^-/.test(state.sort || ""),
      column = COLUMNS.indexOf((state.sort || "").replace("-", ""));
    run++;
    body.textContent = "";
    more.hidden = true;
    last = { run: run, words: P.wordsOf(state.q), mask: wantedMask(), caseAt: state.case ? at : null, at: 0, row: 0, shown: 0, looked: 0,
      column: column, down: down, sorted: column > 0 || (column === 0 && !down) ? [] : null };
    P.markSorted(table, column < 0 ? 0 : column, column < 0 || down);
    last.files = wantedFiles(last);
    last.all = last.files.reduce(function (n, i) { return n + TL.lines[i][0]; }, 0);
    findPages(last);
    if (state.in && last.words.length) everything(last); else go(last);
  }

  function say(s, end) {
    found.textContent = !end ? s.shown + " found, " + s.looked + " of " + s.all + " looked at"
      : more.hidden ? s.shown + " of " + s.all + " trials" : s.shown + " shown, " + s.looked + " of " + s.all + " looked at";
  }

  function failed(e) { found.textContent = e.message; }

  /* Goes on where it stopped until a screen of lines is full; a new search ends an older one. What is to be put in another
     order is all read first. */
  function go(s) {
    var target = s.shown + SHOWN;
    if (s.done) { showSorted(s); return; }
    function step() {
      if (s.run !== run) return;
      if (s.at >= s.files.length || (!s.sorted && s.shown >= target) || (s.sorted && s.sorted.length >= SORTED_MOST)) return finish();
      P.load("lines-" + s.files[s.at]).then(function (d) {
        var lines = document.createDocumentFragment(), i, x;
        if (s.run !== run) return;
        for (i = s.row; i < d.r.length && (s.sorted || s.shown < target); i += STRIDE) {
          x = lineAt(d, i);
          if (!fits(x, s)) continue;
          if (s.sorted) s.sorted.push(x); else { lines.append(row(x)); s.shown++; }
        }
        body.append(lines);
        s.looked += (i - s.row) / STRIDE;
        s.row = i;
        if (i >= d.r.length) { s.at++; s.row = 0; }
        say(s, false);
        setTimeout(step, 0);
      }, failed);
    }
    function finish() {
      if (s.sorted) {
        putInOrder(s);
        return showSorted(s);
      }
      more.hidden = s.at >= s.files.length;
      say(s, true);
    }
    step();
  }

  function putInOrder(s) {
    s.done = true;
    s.sorted.sort(function (a, b) { return (s.down ? -1 : 1) * P.compareKeys(keyOf(a, s.column), keyOf(b, s.column)) || b.t - a.t; });
  }

  function showSorted(s) {
    s.sorted.slice(s.shown, s.shown + SHOWN).forEach(function (x) { body.append(row(x)); });
    s.shown = Math.min(s.sorted.length, s.shown + SHOWN);
    more.hidden = s.shown >= s.sorted.length;
    found.textContent = more.hidden ? s.shown + " of " + s.all + " trials" : s.shown + " shown of " + s.sorted.length + " found in " + s.all;
    if (s.at < s.files.length) found.textContent += "; only the newest are in this order, for there are too many";
  }

  /* --- pages ------------------------------------------------------------------------------------------------------------ */

  function findPages(s) {
    var hits = [], at = 0;
    pages.textContent = "";
    if (!s.words.length) return;
    function step() {
      if (s.run !== run) return;
      if (at === TL.pages) return show(HITS);
      P.load("pages-" + at++).then(function (d) {
        if (s.run !== run) return;
        d.p.forEach(function (p) {
          var title = p[1].toLowerCase();
          if (P.hasAll(title + "\n" + p[2] + "\n" + p[0], s.words)) hits.push([P.hasAll(title, s.words) ? 0 : 1, hits.length, p]);
        });
        setTimeout(step, 0);
      }, failed);
    }
    function show(most) {
      hits.sort(function (a, b) { return a[0] - b[0] || a[1] - b[1]; });
      pages.textContent = "";
      pages.append(el("h2", { text: hits.length + (hits.length === 1 ? " page" : " pages") + " with " + (s.words.length > 1 ? "these words" : "this word") }),
        el("ul", { class: "hits" }, hits.slice(0, most).map(function (h) {
          return el("li", {}, el("span", { class: "tag", text: h[2][0].split("/")[0] }), " ", el("a", { href: h[2][0], text: h[2][1] }));
        })));
      if (hits.length > most) {
        var all = el("button", { type: "button", class: "more", text: "Show all " + hits.length });
        all.addEventListener("click", function () { show(hits.length); });
        pages.append(all);
      }
      pages.append(el("h2", { text: "Trials" }));
    }
    step();
  }

  /* --- in everything about a trial: messages, output, stacks, environment -------------------------------------------------- */

  /* Of every word the numbers of the strings that hold it. */
  function holders(strings, words) {
    return words.map(function (w) {
      var set = new Set();
      strings.forEach(function (s, i) { if (P.hasAll(s.toLowerCase(), [w])) set.add(i); });
      return set;
    });
  }

  function everything(s) {
    var stacks = s.words.map(function () { return new Set(); }), at = 0, file = TL.trials.length - 1, ahead = [], target = SHOWN;
    s.all = TL.lines.reduce(function (n, f) { return n + f[0]; }, 0);

    function readStacks() {
      if (s.run !== run) return;
      if (at === TL.stacks.length) return readTrials();
      P.load("stacks-" + at++).then(function (d) {
        var sets = holders(d.s, s.words);
        d.r.forEach(function (r) {
          sets.forEach(function (set, w) { if (r[1].some(function (i) { return set.has(i); }) || r[2].some(function (i) { return set.has(i); })) stacks[w].add(r[0]); });
        });
        setTimeout(readStacks, 0);
      }, failed);
    }

    function lineOf(r, d) {
      function S(i) { return i < 0 ? "" : d.s[i]; }
      return { id: r[0], case: r[1], unit: TL.units[r[2]] || "", variant: P.settings(S(r[3])), outcome: r[4], phase: TL.phases[r[5]], signal: S(r[6]),
        t: r[9], wall: r[10], failure: S(r[19]), note: S(r[20]) || S(r[18]), hash: S(r[29]) };
    }

    function holds(w, r, d, sets, environments, text) {
      if (P.hasAll(text, [s.words[w]]) || P.hasAll(environments[r[23]] || "", [s.words[w]])) return true;
      function has(i) { return sets[w].has(i); }
      return r.slice(15, 23).some(has) || has(r[25]) || has(r[27]) || r[28].some(function (c) {
        return [c[0], c[1], c[3], c[6], c[8], c[9]].some(has) || c[10].some(function (t) { return has(t[2]) || has(t[3]) || stacks[w].has(d.s[t[4]]); });
      });
    }

    function readTrials() {
      if (s.run !== run) return;
      if (file < 0 || ahead.length >= (s.sorted ? SORTED_MOST : target)) return show();
      P.load("trials-" + file--).then(function (d) {
        var sets = holders(d.s, s.words), environments = d.e.map(function (e) { return JSON.stringify(e).toLowerCase(); }), i, x, text;
        for (i = d.r.length - 1; i >= 0; i--) {
          x = lineOf(d.r[i], d);
          if (!isOf(x, s)) continue;
          text = textOf(x);
          if (s.words.every(function (word, w) { return holds(w, d.r[i], d, sets, environments, text); })) ahead.push(x);
        }
        s.looked += d.r.length;
        found.textContent = ahead.length + " found, " + s.looked + " of " + s.all + " looked at";
        setTimeout(readTrials, 0);
      }, failed);
    }

    function show() {
      if (s.sorted) {
        s.sorted = ahead;
        s.at = file < 0 ? s.files.length : 0;
        putInOrder(s);
        return showSorted(s);
      }
      ahead.slice(s.shown, target).forEach(function (x) { body.append(row(x)); });
      s.shown = Math.min(ahead.length, target);
      more.hidden = file < 0 && s.shown >= ahead.length;
      say(s, true);
    }

    if (!s.sorted) s.more = function () { target += SHOWN; readTrials(); };
    readStacks();
  }

  /* --- the page ---------------------------------------------------------------------------------------------------------- */

  var fields = {
    q: el("input", { type: "search", name: "q", autocomplete: "off", spellcheck: "false" }),
    in: el("select", { name: "in" }, P.option("", "what is listed"), P.option("all", "messages, output, stacks")),
    case: el("select", { name: "case" }, P.option("", "all"), TL.cases.map(function (c) { return P.option(c[0], c[0]); })),
    unit: el("select", { name: "unit" }, P.option("", "all"), TL.units.map(function (u) { return P.option(u, u); })),
    outcome: el("select", { name: "outcome" }, P.option("", "any"), P.option("failure", "any failure"),
      TL.outcomes.filter(function (o) { return !o[3]; }).map(function (o) { return P.option(o[0], o[0]); }))
  };

  function draw() {
    found = el("output", { class: "found", "aria-live": "polite" });
    form = el("form", { class: "filter", role: "search", "aria-label": "Search in the trials" },
      [["Words", "q"], ["Look in", "in"], ["Case", "case"], ["Unit", "unit"], ["Outcome", "outcome"]].map(function (f) {
        return el("label", {}, f[0] + " ", fields[f[1]]);
      }), el("button", { type: "reset", text: "Clear" }), found);
    pages = el("section", { "aria-label": "Pages that were found", class: "found-pages" });
    body = el("tbody", {});
    more = el("button", { type: "button", class: "more", text: "Show more" });
    more.hidden = true;
    table = el("table", { class: "list" }, el("thead", {}, el("tr", {}, COLUMNS.map(function (t) {
      return el("th", { scope: "col", class: t === "time" ? "n" : null, text: t });
    }))), body);
    place.textContent = "";
    place.append(form, pages, P.wide("Trials", table), more);
    P.sortable(table, function (column, down) {
      state.sort = column === 0 && down ? "" : (down ? "-" : "") + COLUMNS[column];
      P.writeHash(state);
      search();
    }, function (column) { return column === 0 || column === 6; });
  }

  function toForm() {
    state = P.readHash();
    Object.keys(fields).forEach(function (k) { fields[k].value = state[k] || ""; });
    search();
  }

  function changed() {
    var next = { v: state.v, failure: state.failure, sort: state.sort };
    Object.keys(fields).forEach(function (k) { next[k] = fields[k].value; });
    if (next.case !== (state.case || "")) next.v = next.failure = "";
    state = next;
    P.writeHash(state);
    clearTimeout(pause);
    pause = setTimeout(search, 150);
  }

  draw();
  form.addEventListener("input", changed);
  form.addEventListener("reset", function () { setTimeout(function () { state = {}; changed(); }, 0); });
  form.addEventListener("submit", function (e) { e.preventDefault(); });
  more.addEventListener("click", function () { if (last.more) last.more(); else go(last); });
  window.addEventListener("hashchange", toForm);
  toForm();
})();
