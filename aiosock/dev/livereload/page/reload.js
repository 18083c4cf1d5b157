// Loads the page again when its site has changed, and style sheets without the page. See aiosock/dev/livereload.
(() => {
  "use strict";

  const SCROLL = "aiosock-scroll";
  const FIRST_WAIT = 50, LONGEST_WAIT = 2000; // milliseconds until the next attempt to connect
  const script = document.currentScript;
  if (!script || window.aiosockReload) return; // two of us in one page
  let token = script.dataset.token;
  let source = null, timer = 0, wait = FIRST_WAIT, isLeaving = false;

  const reload = () => {
    if (isLeaving) return;
    isLeaving = true;
    try {
      sessionStorage.setItem(SCROLL, JSON.stringify([location.href, scrollX, scrollY]));
    } catch {} // a page in a sandbox has no storage
    location.reload();
  };

  // Browsers scroll back by themselves, but not in pages that grow while they load.
  const restoreScroll = () => {
    try {
      const [href, x, y] = JSON.parse(sessionStorage.getItem(SCROLL) ?? "[]");
      sessionStorage.removeItem(SCROLL);
      if (href === location.href) scrollTo({left: x, top: y, behavior: "instant"});
    } catch {}
  };

  const fileName = (link) => decodeURI(new URL(link.href).pathname).split("/").pop();

  const swapStyle = (name) => {
    const links = [...document.querySelectorAll('link[rel~="stylesheet" i][href]')]
      .filter((link) => new URL(link.href).origin === location.origin);
    const named = links.filter((link) => fileName(link) === name);
    if (!links.length) return reload(); // the page contains its styles
    for (const link of named.length ? named : links) { // if none has the name, one may import the file
      const url = new URL(link.href);
      url.searchParams.set("_aiosock", token);
      const fresh = link.cloneNode();
      fresh.removeAttribute("integrity");
      fresh.nonce = link.nonce;
      fresh.onload = () => link.remove(); // not before: the page would lose its style for a moment
      fresh.onerror = () => fresh.remove();
      fresh.href = url.href;
      link.after(fresh);
    }
  };

  const connect = () => {
    disconnect();
    source = new EventSource("/_aiosock/reload");
    source.addEventListener("token", (event) => {
      wait = FIRST_WAIT;
      window.aiosockReload = "listening";
      if (event.data !== token) reload();
    });
    source.addEventListener("style", (event) => {
      const changed = JSON.parse(event.data);
      token = changed.token;
      swapStyle(changed.name);
    });
    source.addEventListener("page", reload);
    source.onerror = () => {
      disconnect();
      timer = setTimeout(connect, wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
    };
  };

  const disconnect = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };

  // Browsers open six connections to a host. Pages that nobody sees must not take them from the others.
  const follow = () => document.visibilityState === "visible" ? connect() : disconnect();

  window.aiosockReload = "connecting";
  if (document.readyState === "complete") restoreScroll();
  else addEventListener("load", restoreScroll);
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && follow());
  follow();
})();
