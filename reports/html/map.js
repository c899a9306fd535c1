(() => {
  "use strict";
  const plain = (s) => s.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  const find = (id) => {
    const detail = { id };
    dispatchEvent(new CustomEvent("handover:find", { detail }));
    return detail.node;
  };
  const bring = (map) => {
    const area = map.querySelector(".area");
    const net = area.querySelector("svg");
    const { width, height } = net.viewBox.baseVal;
    const boxes = [...net.querySelectorAll("[data-b]")];
    const search = map.querySelector("input[type=search]");
    const vlan = map.querySelector("select");
    const live = map.querySelector("[aria-live]");
    const aside = map.querySelector("aside");
    let scale = 1;
    const room = () => Math.min(area.clientWidth / width, (innerHeight * 0.76) / height);
    // The point at x, y of the window stays where it is.
    const zoom = (to, x = area.clientWidth / 2, y = area.clientHeight / 2) => {
      const next = Math.min(3, Math.max(Math.min(room(), 0.5), to));
      const left = ((area.scrollLeft + x) * next) / scale - x;
      const top = ((area.scrollTop + y) * next) / scale - y;
      scale = next;
      net.setAttribute("width", width * scale);
      net.setAttribute("height", height * scale);
      area.scrollTo(left, top);
    };
    const centre = (box) => {
      const at = box.getBoundingClientRect();
      const to = area.getBoundingClientRect();
      area.scrollBy(at.left + at.width / 2 - to.left - to.width / 2, at.top + at.height / 2 - to.top - to.height / 2);
    };
    zoom(Math.min(1.15, Math.max(area.clientWidth < 600 ? 0.8 : 0.62, area.clientWidth / width)));
    if (boxes.length) { centre(boxes[0]); area.scrollLeft = 0; }
    for (const button of map.querySelectorAll("[data-zoom]")) {
      const by = Number(button.dataset.zoom);
      button.addEventListener("click", () => zoom(by ? scale * by : room()));
    }
    area.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const at = area.getBoundingClientRect();
      zoom(scale * Math.exp(-event.deltaY / 400), event.clientX - at.left, event.clientY - at.top);
    }, { passive: false });
    area.addEventListener("keydown", (event) => {
      const by = { "+": 1.25, "-": 0.8, "0": 0 }[event.key];
      if (by === undefined || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      zoom(by ? scale * by : room());
    });
    // A mouse drags the map; a finger scrolls it anyway.
    let from = null;
    area.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0) from = { x: event.clientX, y: event.clientY, left: area.scrollLeft, top: area.scrollTop, moved: false };
    });
    addEventListener("pointermove", (event) => {
      if (!from) return;
      const x = event.clientX - from.x;
      const y = event.clientY - from.y;
      from.moved ||= Math.abs(x) + Math.abs(y) > 5;
      if (!from.moved) return;
      area.classList.add("moving");
      area.scrollTo(from.left - x, from.top - y);
    });
    let dragged = false;
    addEventListener("pointerup", () => { dragged = from?.moved ?? false; from = null; area.classList.remove("moving"); });
    net.addEventListener("dragstart", (event) => event.preventDefault());

    let words = null;
    let rows = null;
    // Every device that is plugged in is found on its box, though the box shows many as one line.
    const plugged = () => rows ??= [...(find(map.dataset.places)?.querySelectorAll("tr[data-at]") ?? [])].map((row) => [row.dataset.at, plain(`${row.textContent} ${row.dataset.q ?? ""}`)]);
    let hits = [];
    const filter = () => {
      const wanted = plain(search?.value ?? "").split(/\s+/).filter(Boolean);
      const all = (said) => wanted.every((word) => said.includes(word));
      const holds = new Set(wanted.length ? plugged().filter(([, said]) => all(said)).map(([at]) => at) : []);
      if (wanted.length) words ??= new Map(boxes.map((box) => [box, plain(`${box.textContent} ${box.dataset.q}`)]));
      const chosen = vlan?.value ?? "";
      const out = (el) => Boolean(chosen && el.dataset.v && !el.dataset.v.split(" ").includes(chosen));
      hits = wanted.length ? boxes.filter((box) => holds.has(box.dataset.b) || all(words.get(box))) : [];
      const hit = new Set(hits);
      for (const el of net.querySelectorAll("[data-v]")) el.classList.toggle("off", out(el));
      for (const box of boxes) {
        box.classList.toggle("off", out(box) || (wanted.length > 0 && !hit.has(box)));
        box.classList.toggle("hit", hit.has(box));
      }
      live.textContent = wanted.length ? map.dataset.found.replace("{shown}", hits.length).replace("{total}", boxes.length) : "";
      if (hits.length) centre(hits[0]);
    };
    search?.addEventListener("input", filter);
    vlan?.addEventListener("change", filter);
    let turn = 0;
    search?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !hits.length) return;
      event.preventDefault();
      centre(hits[++turn % hits.length]);
    });

    let opened = null;
    const close = () => {
      aside.hidden = true;
      opened?.classList.remove("open");
      opened?.focus();
      opened = null;
    };
    const open = (id) => {
      const card = find(id);
      if (!card) return false;
      opened?.classList.remove("open");
      opened = boxes.find((box) => box.getAttribute("href") === `#${id}`);
      opened?.classList.add("open");
      const copy = card.cloneNode(true);
      const head = document.createElement("h4");
      head.append(...copy.querySelector("summary").childNodes);
      copy.querySelector("summary").replaceWith(head);
      aside.lastElementChild.replaceChildren(...copy.childNodes);
      aside.hidden = false;
      aside.scrollTop = 0;
      if (opened) centre(opened);
      aside.focus({ preventScroll: true });
      return true;
    };
    aside.querySelector("button").addEventListener("click", close);
    map.addEventListener("keydown", (event) => { if (event.key === "Escape" && !aside.hidden) close(); });
    map.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href^='#m']");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!dragged) open(link.getAttribute("href").slice(1));
    });
    for (const el of map.querySelectorAll(".tools")) el.hidden = false;
  };
  // Nothing is measured before a map comes into sight: the report opens as fast as without.
  const near = new IntersectionObserver((seen) => {
    for (const entry of seen) if (entry.isIntersecting) { near.unobserve(entry.target); bring(entry.target); }
  }, { rootMargin: "600px" });
  for (const map of document.querySelectorAll(".map")) near.observe(map);
})();
