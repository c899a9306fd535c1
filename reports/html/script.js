(() => {
  "use strict";
  const PAGE = 100;
  const plain = (s) => s.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const tables = [];
  const bring = (box) => {
    const table = box.querySelector("table");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const words = new Map();
    const said = (row) => words.get(row) ?? words.set(row, plain(`${row.textContent} ${row.dataset.q ?? ""}`)).get(row);
    const live = box.querySelector("[aria-live]");
    const search = box.querySelector("input[type=search]");
    const selects = [...box.querySelectorAll("select")];
    const pager = box.querySelector(".pager");
    const [back, next] = pager.querySelectorAll("button");
    let hits = rows;
    let page = 0;
    const draw = () => {
      const pages = Math.max(1, Math.ceil(hits.length / PAGE));
      page = Math.max(0, Math.min(page, pages - 1));
      const shown = new Set(hits.slice(page * PAGE, (page + 1) * PAGE));
      for (const row of rows) row.hidden = !shown.has(row);
      live.textContent = box.dataset.shown.replace("{shown}", hits.length).replace("{total}", rows.length);
      pager.querySelector("span").textContent = `${page + 1} / ${pages}`;
      pager.hidden = pages === 1;
      back.disabled = page === 0;
      next.disabled = page === pages - 1;
    };
    const filter = () => {
      const wanted = plain(search.value).split(/\s+/).filter(Boolean);
      hits = rows.filter((row) => selects.every((s) => !s.value || row.dataset[s.name].split(" ").includes(s.value)) &&
        wanted.every((word) => said(row).includes(word)));
      page = 0;
      draw();
    };
    search.addEventListener("input", filter);
    for (const select of selects) select.addEventListener("change", filter);
    // A button that is disabled while it has the focus would lose it.
    const turn = (by, other) => { page += by; draw(); if (document.activeElement.disabled) other.focus(); };
    back.addEventListener("click", () => turn(-1, next));
    next.addEventListener("click", () => turn(1, back));
    const compare = new Intl.Collator(document.documentElement.lang, { numeric: true }).compare;
    for (const button of table.tHead.querySelectorAll("button")) {
      const th = button.closest("th");
      const key = (row) => row.cells[th.cellIndex].dataset.k ?? row.cells[th.cellIndex].textContent.trim();
      button.addEventListener("click", () => {
        const down = th.getAttribute("aria-sort") === "ascending";
        for (const other of th.parentElement.cells) other.removeAttribute("aria-sort");
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keyed = rows.map((row) => [key(row), row]);
        // What is empty stays last, whichever way it is sorted.
        keyed.sort(([a], [b]) => (a === "") - (b === "") || compare(a, b) * (down ? -1 : 1));
        rows.splice(0, rows.length, ...keyed.map(([, row]) => row));
        body.append(...rows);
        filter();
      });
    }
    for (const el of box.querySelectorAll(".tools")) el.hidden = false;
    draw();
    tables.push({
      body,
      show(row) {
        if (!hits.includes(row)) {
          search.value = "";
          for (const select of selects) select.value = "";
          filter();
        }
        page = Math.floor(hits.indexOf(row) / PAGE);
        draw();
      },
    });
  };
  for (const box of document.querySelectorAll("[data-table]")) bring(box);
  // Long parts stand in the page as text, escaped like all of it, and become elements when they are reached.
  const later = new Set(document.querySelectorAll(".later"));
  const unfold = (part) => {
    if (!later.delete(part)) return;
    part.innerHTML = part.querySelector("script").textContent;
    part.classList.remove("later");
    for (const box of part.querySelectorAll("[data-table]")) bring(box);
  };
  const near = new IntersectionObserver((seen) => {
    for (const entry of seen) if (entry.isIntersecting) { near.unobserve(entry.target); unfold(entry.target); }
  }, { rootMargin: "400px" });
  for (const part of later) near.observe(part);
  const find = (id) => {
    const holder = [...later].find((part) => part.textContent.includes(`id="${id}"`));
    if (holder) unfold(holder);
    return document.getElementById(id);
  };
  // A link leads into a closed part or to a row on another page: open it, turn to it.
  const reveal = () => {
    const target = location.hash.length > 1 && find(location.hash.slice(1));
    if (!target) return;
    for (let el = target; el; el = el.parentElement) {
      if (el.tagName === "DETAILS") el.open = true;
      for (const table of tables) if (el.parentElement === table.body) table.show(el);
    }
    target.scrollIntoView();
  };
  addEventListener("handover:find", (event) => { event.detail.node = find(event.detail.id); });
  addEventListener("hashchange", reveal);
  // The same link a second time changes no hash.
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) reveal();
  });
  reveal();
  const all = document.getElementById("print-all");
  all?.addEventListener("change", () => {
    for (const part of [...later]) unfold(part);
    document.documentElement.classList.toggle("print-all", all.checked);
  });
})();
