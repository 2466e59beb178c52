// What the reader sees first comes first. Superset 6.1 has no settings for either.
(() => {
  const OPENING = 6000; // milliseconds
  let opening = null; // the dashboard that is being opened, while what it asks for is remembered

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
        setTimeout(() => {
          remember(); // what is below the screen is not asked for early either
          this.waiting.forEach((each) => this.wider.observe(each));
        }, SETTLED);
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
  const READS = /^(\/superset\/language_pack\/|\/api\/v1\/(dashboard\/[\w-]+(\/charts|\/datasets)?\?|dashboard\/[\w-]+\/(charts|datasets)$|dataset\/\d+\/drill_info\/|chart\/data|time_range\/))/;
  const COLUMNS =
    "id,slug,url,dashboard_title,published,css,theme,json_metadata,position_json,certified_by,certification_details," +
    "changed_by_name,changed_by,changed_on,created_by,charts,owners,roles,tags,changed_on_delta_humanized," +
    "created_on_delta_humanized,is_managed_externally,uuid";
  // What is asked the first time too.
  const always = () => {
    const dashboard = "/api/v1" + location.pathname.replace("/superset", "").replace(/\/$/, "");
    const { lang } = document.documentElement;
    const words = lang && lang !== "en" ? [`/superset/language_pack/${lang}/`] : [];
    return [...words, `${dashboard}?q=(columns:!(${COLUMNS}))`, `${dashboard}/charts`, `${dashboard}/datasets`].map(
      (path) => [path, "GET", ""],
    );
  };
  const fetch = window.fetch;
  // Says that a dashboard opens: the server asks the same again, as the same reader, after the next publication.
  const ask = (address, options) => {
    if (!opening || opening.path !== location.pathname) return fetch(address, options);
    const headers = new Headers(options.headers);
    headers.set("X-Chairside-Opens", opening.path);
    return fetch(address, { ...options, headers });
  };
  const early = new Map();
  const nameOf = (path, options) => `${options.method || "GET"} ${path} ${options.body || ""}`;
  const pathOf = (address) => String(address).replace(location.origin, "");
  const remember = () => {
    const { name, asked } = opening || { asked: [] };
    opening = null;
    try {
      if (asked.length) localStorage.setItem(name, JSON.stringify(asked));
    } catch {
      // no room: the next opening is as slow as the first
    }
  };
  const open = () => {
    remember();
    early.clear();
    const told = globalThis.chairsideAsked; // of the page itself, not of what is clicked on it
    globalThis.chairsideAsked = [];
    if (!location.pathname.startsWith("/superset/dashboard/") || location.search) return;
    const begun = (opening = { name: "chairside " + location.pathname, path: location.pathname, asked: [] });
    try {
      // A browser that does not know it yet is told what this reader's others asked.
      const own = JSON.parse(localStorage.getItem(begun.name)) || [...always(), ...told];
      for (const [path, method, body] of own) {
        const options = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
        if (body) Object.assign(options, { body, headers: { ...options.headers, "Content-Type": "application/json" } });
        const name = nameOf(path, options);
        if (READS.test(path) && !early.has(name)) early.set(name, ask(path, options));
      }
    } catch {
      localStorage.removeItem(begun.name);
    }
    setTimeout(() => {
      if (opening === begun) remember();
    }, OPENING);
  };
  window.fetch = (address, options = {}) => {
    const path = pathOf(address);
    if (typeof address !== "string" || !READS.test(path) || (options.body && typeof options.body !== "string")) {
      return fetch(address, options);
    }
    if (opening && opening.path === location.pathname) {
      opening.asked.push([path, options.method || "GET", options.body || ""]);
    }
    const name = nameOf(path, options);
    const answer = early.get(name);
    early.delete(name);
    return answer ? answer.catch(() => ask(address, options)) : ask(address, options);
  };
  // What is asked after the reader touched something is his choice, and not remembered.
  for (const touch of ["pointerdown", "keydown"]) window.addEventListener(touch, remember, true);
  window.addEventListener("pagehide", remember);
  // From the list of dashboards one is opened within the page.
  const push = history.pushState;
  history.pushState = (...given) => {
    const before = location.pathname;
    push.apply(history, given);
    if (location.pathname !== before) open();
  };
  open();
})();
