// A dashboard is drawn a few times less while it opens. Superset 6.1 draws all charts again after each of some hundred
// changes of the page's state, two of them for each table, and makes the grammar of plurals anew for each word that it
// shows. This reaches three modules by their numbers in webpack: a slow test says when a number is not there any more,
// and then the page is only slower.
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

  const MODULES = {
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
  // Chunks come by `push`, which webpack replaces by its own when it starts.
  const chunks = (globalThis.webpackChunksuperset = []);
  chunks.notFound = MODULES;
  let push = Array.prototype.push.bind(chunks);
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
