// A dashboard is drawn a few times less while it opens. Superset 6.1 draws all charts again after each of some hundred
// changes of the page's state, two of them for each table, and makes the grammar of plurals anew for each word that it
// shows. This reaches modules by their numbers in webpack: a slow test says when a number is not there any more, and
// then the page is only slower. On the way the period is said in dates: Superset says "2026-08-24 ≤ col < 2026-11-22".
(() => {
  const OPENING = 4000; // milliseconds
  const isDashboard = () => location.pathname.startsWith("/superset/dashboard/");
  let path = location.pathname;
  let until = OPENING;
  const isOpening = () => {
    if (location.pathname !== path) {
      path = location.pathname;
      until = performance.now() + OPENING;
    }
    return isDashboard() && performance.now() < until;
  };
  // Who touches something gets each change at once.
  for (const touch of ["pointerdown", "keydown"]) window.addEventListener(touch, () => (until = 0), true);

  const isRussian = () => document.documentElement.lang === "ru";
  // As tables write dates, "01 Aug 2026" and "01.08.2026".
  const written = (date) =>
    isRussian() ? date.toLocaleDateString("ru", { timeZone: "UTC" }) : date.toUTCString().slice(5, 16);
  // The days that reports read: what is before `end` ends the day before, whatever the hour; an end may be open.
  const SIDE = "(-?∞|\\d{4}-\\d\\d-\\d\\d)(?:T\\S+)?";
  const PERIOD = new RegExp(`^${SIDE} ≤ col < ${SIDE}$`);
  const inDates = (said) => {
    const [, begin, end] = PERIOD.exec(said) || [];
    if (!begin) return said;
    const first = begin === "-∞" ? null : new Date(begin);
    const last = end === "∞" ? null : new Date(Date.parse(end) - 86400000);
    const [from, to, all, none] = isRussian() ? ["с", "по", "все дни", "ни одного дня"] : ["from", "to", "all days", "no day"];
    if (!first) return last ? `${to} ${written(last)}` : all;
    if (!last) return `${from} ${written(first)}`;
    if (first > last) return none;
    return first < last ? `${written(first)} – ${written(last)}` : written(first);
  };

  const MODULES = {
    // The words for a period.
    2426: (made) => ({
      ...made,
      x9: (...given) => made.x9(...given).then((told) => ({ ...told, value: inDates(told.value) })),
    }),
    // Redux: while a dashboard opens, what changes in a row is told together.
    82960: (made) => ({
      ...made,
      y$: (...given) => {
        const store = made.y$(...given);
        const subscribe = store.subscribe;
        store.subscribe = (listener) => {
          let waits = false;
          const tell = () => {
            waits = false;
            listener();
          };
          return subscribe(() => {
            if (!isOpening()) listener();
            else if (!waits) {
              waits = true;
              setTimeout(tell);
            }
          });
        };
        return store;
      },
    }),
    // A table's own state: the rows that it shows, which only the editor of charts asks for.
    48179: (made) => ({
      ...made,
      F: (send, state) => (state && state.clientView && isDashboard() ? undefined : made.F(send, state)),
    }),
    // Jed: words of the interface.
    69407: (made) => {
      const compile = made.PF.compile;
      const compiled = new Map();
      made.PF.compile = (forms) => {
        if (!compiled.has(forms)) compiled.set(forms, compile(forms));
        return compiled.get(forms);
      };
      return made;
    },
  };
  const changed = ([, modules]) => {
    for (const [number, change] of Object.entries(MODULES)) {
      const original = modules[number];
      if (!original) continue;
      delete MODULES[number];
      modules[number] = (module, exports, require) => {
        original(module, exports, require);
        module.exports = change(module.exports);
      };
    }
  };
  // Chunks come by `push`, which webpack replaces by its own when it starts. Some are there already where the browser has
  // them at hand and this waited for a style.
  const chunks = (globalThis.webpackChunksuperset ||= []);
  chunks.notFound = MODULES;
  chunks.forEach(changed);
  let push = chunks.push.bind(chunks);
  Object.defineProperty(chunks, "push", {
    get() {
      const next = push;
      return (chunk) => {
        changed(chunk);
        return next(chunk);
      };
    },
    set(next) {
      push = next;
    },
  });
})();
