// What the reader sees first comes first. Superset 6.1 has no settings for either.
(() => {
  // 1. Superset draws rows within a screen's height below the screen together with those in sight. Here they wait until
  // the page has settled, or until somebody scrolls to them.
  const BELOW = "100% 0px";
  const SETTLED = 3000; // milliseconds
  const Observer = window.IntersectionObserver;
  window.IntersectionObserver = class extends Observer {
    constructor(seen, options) {
      const below = options !== undefined && options.rootMargin === BELOW;
      super(seen, below ? { ...options, rootMargin: "0px" } : options);
      if (below) {
        this.wider = new Observer(seen, options);
        this.waiting = [];
        setTimeout(() => this.waiting.forEach((each) => this.wider.observe(each)), SETTLED);
      }
    }
    observe(element) {
      super.observe(element);
      if (this.wider) this.waiting.push(element);
    }
    disconnect() {
      super.disconnect();
      if (this.wider) this.wider.disconnect();
      this.waiting = [];
    }
  };

  // 2. What a dashboard asked for when it was opened before is asked for again while its scripts still start. The
  // questions are remembered in the browser, never an answer; who may see what is decided as each one is answered.
  if (!location.pathname.startsWith("/superset/dashboard/") || location.search) return;
  const READS = /^\/api\/v1\/(dashboard\/[\w-]+(\/charts|\/datasets)?\?|dashboard\/[\w-]+\/(charts|datasets)$|dataset\/\d+\/drill_info\/|chart\/data|time_range\/)/;
  const REMEMBERED = "chairside " + location.pathname;
  const OPENING = 6000; // milliseconds
  const ask = window.fetch;
  const early = new Map();
  const asked = [];
  let chosen = false; // what is asked after the reader touched something is his choice, and not remembered
  for (const touch of ["pointerdown", "keydown"]) window.addEventListener(touch, () => (chosen = true), true);
  const nameOf = (path, options) => `${options.method || "GET"} ${path} ${options.body || ""}`;
  const pathOf = (address) => String(address).replace(location.origin, "");
  try {
    for (const [path, method, body] of JSON.parse(localStorage.getItem(REMEMBERED) || "[]")) {
      const options = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
      if (body) Object.assign(options, { body, headers: { ...options.headers, "Content-Type": "application/json" } });
      const name = nameOf(path, options);
      if (!early.has(name)) early.set(name, ask(path, options));
    }
  } catch {
    localStorage.removeItem(REMEMBERED);
  }
  window.fetch = (address, options = {}) => {
    const path = pathOf(address);
    if (typeof address !== "string" || !READS.test(path) || (options.body && typeof options.body !== "string")) {
      return ask(address, options);
    }
    if (!chosen && performance.now() < OPENING && REMEMBERED.endsWith(location.pathname)) {
      asked.push([path, options.method || "GET", options.body || ""]);
    }
    const name = nameOf(path, options);
    const answer = early.get(name);
    early.delete(name);
    return answer ? answer.catch(() => ask(address, options)) : ask(address, options);
  };
  const remember = () => {
    early.clear();
    try {
      if (asked.length) localStorage.setItem(REMEMBERED, JSON.stringify(asked.splice(0)));
    } catch {
      // no room: the next opening is as slow as the first
    }
  };
  setTimeout(remember, OPENING);
  window.addEventListener("pagehide", remember);
})();
