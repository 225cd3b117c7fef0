/**
 * Shuke's page tracker: what a visitor does on a shop's pages, told to `/v1/batch` by the Segment spec.
 *
 *   <script async src="https://shuke.example/t.js" data-key="WRITE_KEY"></script>
 *
 * Attributes: `data-consent="given"` where the shop needs no further consent, else nothing is stored, sent or remembered
 * before `shuke.consent(true)`; `data-signals="gpc dnt"` honours the browser's own refusals; `data-views="own"` leaves page
 * views to `shuke.page()`, `data-views="hash"` takes `#/...` and `#!/...` for the path; `data-to` names another collector.
 * Calls before the script has come wait in an array:
 * `(window.shuke = window.shuke || []).push(["track", "Product Added", {product_id: "1"}])`.
 *
 * What is promised (docs/howto/tracker.md says it for people):
 * - An event has one id for life and is forgotten when the collector has answered for it. What left by beacon, which has no
 *   answer, goes once more with the next request; the collector counts an id once.
 * - Undelivered events wait for a day, in localStorage where that is allowed, else as long as the page lives.
 * - Stay is the time in which the page could be seen, told in parts that add up.
 */

const COLUMNS = 20; // a click's cell: x in twentieths of the page's width
const ROWS = 100; // y in hundredths of its height
const BEAT = 5000; // ms between two looks at the time; a longer silence was sleep
const REPORT = 300000; // ms of stay after which a part of it is told while the visitor is still there
const OLDEST = 86400000; // ms that an event waits: well below the 48 hours for which the collector remembers ids
const MOST = 300; // events that wait
const REQUEST = 20000; // characters of a request: less than the 64 KB of a beacon, whatever the script
const LARGEST = 10000; // characters of an event
const LABEL = 80; // characters of what was pressed
const PREFIX = "shuke.";

const script = document.currentScript;
const { key, to, signals = "", consent: stated, views } = script.dataset;
const address = (to || new URL(script.src).origin) + "/v1/batch";
const page = document;
const isRefused =
  (/gpc/.test(signals) && navigator.globalPrivacyControl) || (/dnt/.test(signals) && navigator.doNotTrack === "1");

let isOn = false;
let memory = {};
let queue = []; // [{id, text, at, hasLeft}], oldest first
let own; // this document's name among those that keep a queue
let isBusy = false;
let failures = 0;
let timer = 0;

let place; // the page as the last view told it, the shop's own words included
let view; // the id of that view
let seen; // the address that the last look saw
let isFirst = true;
let spent = 0; // ms of stay that is not told yet
let looked = 0;
let isSeen = false;
let pressed; // the control to which the browser passes on the click of its label that was told
let isKept = false; // the visitor's id was stored where other pages see it

// ---- what is remembered --------------------------------------------------------------------------------------------

function recall(name) {
  return stored(name) || memory[name];
}

function stored(name) {
  try {
    const found = localStorage.getItem(PREFIX + name);
    if (found) return found;
  } catch (blocked) {}
  try {
    const found = page.cookie.match(`(?:^|; )${PREFIX}${name}=([^;]+)`);
    return found && decodeURIComponent(found[1]);
  } catch (blocked) {}
}

function remember(name, value) {
  memory[name] = value;
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch (blocked) {
    cookie(name, value, 31536000);
  }
}

function cookie(name, value, seconds) {
  try {
    page.cookie = `${PREFIX}${name}=${encodeURIComponent(value)};path=/;max-age=${seconds};samesite=lax`;
  } catch (blocked) {}
}

function forget(...names) {
  for (const name of names) {
    delete memory[name];
    try {
      localStorage.removeItem(PREFIX + name);
    } catch (blocked) {}
    if (recall(name)) cookie(name, "", 0);
  }
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join("");
}

function visitor() {
  const found = recall("id") || newId();
  if (found !== memory.id) remember("id", found);
  isKept = isKept || stored("id") === found;
  return found;
}

// ---- the queue -----------------------------------------------------------------------------------------------------

/** Each document keeps its own queue, so two tabs never overwrite each other's. */
function keep() {
  try {
    if (queue.length) localStorage.setItem(PREFIX + own, JSON.stringify(queue));
    else localStorage.removeItem(PREFIX + own);
  } catch (blocked) {}
}

/** The names of queues that documents keep. */
function queues(start) {
  try {
    return Object.keys(localStorage)
      .filter((name) => name.startsWith(PREFIX + start))
      .map((name) => name.slice(PREFIX.length));
  } catch (blocked) {
    return [];
  }
}

/** Take over what documents before this one could not deliver to this shop: another one may live on the same host. */
function adopt() {
  const shop = `q.${key}.`;
  own = shop + newId();
  try {
    for (const name of queues(shop)) {
      const found = localStorage.getItem(PREFIX + name);
      localStorage.removeItem(PREFIX + name);
      queue.push(...JSON.parse(found));
    }
  } catch (blocked) {}
  keep();
}

function enqueue(event) {
  // Half a character, where a text was cut in its middle, is no text: the collector would refuse the event.
  const text = JSON.stringify(event, (_name, value) =>
    typeof value === "string" ? value.replace(/[\ud800-\udfff]/gu, "\ufffd") : value,
  );
  if (text.length > LARGEST) return console.warn("shuke: too large, not sent", event.event);
  queue.push({ id: event.messageId, text, at: Date.now() });
  queue = queue.slice(-MOST);
  keep();
  if (!failures || !timer) later(100);
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    timer = 0;
    flush();
  }, ms);
}

/** The first events of `waiting` that one request holds. */
function portion(waiting) {
  let size = 0;
  return waiting.filter((one, number) => (size += one.text.length) < REQUEST || !number);
}

function body(events) {
  const sentAt = new Date().toISOString();
  return `{"writeKey":${JSON.stringify(key)},"sentAt":"${sentAt}","batch":[${events.map((one) => one.text)}]}`;
}

function drop(events) {
  const gone = new Set(events.map((one) => one.id));
  queue = queue.filter((one) => !gone.has(one.id));
  keep();
}

function flush() {
  queue = queue.filter((one) => Date.now() - one.at < OLDEST);
  if (isBusy || !isOn || !queue.length) return;
  if (navigator.onLine === false) return; // `online` calls again
  const events = portion(queue);
  isBusy = true;
  // Text, so that a browser asks the collector for no permission beforehand; no cookies go with it.
  fetch(address, { method: "POST", body: body(events), keepalive: true, credentials: "omit" })
    .then((answer) => {
      // What is refused for good would be refused again.
      const isOver = answer.ok || (answer.status < 500 && answer.status !== 408 && answer.status !== 429);
      if (!isOver) throw answer;
      failures = 0;
      if (isOn) drop(events);
    })
    .catch(() => failures++)
    .then(() => {
      isBusy = false;
      if (queue.length) later(failures ? Math.min(60000, 500 * 2 ** failures) * (0.75 + Math.random() / 2) : 0);
    });
}

/** What has not left yet, by beacon: the page may be gone the next moment. Nothing of it is forgotten. */
function flushByBeacon() {
  let waiting;
  while (isOn && navigator.onLine !== false && (waiting = queue.filter((one) => !one.hasLeft)).length) {
    const events = portion(waiting);
    if (!navigator.sendBeacon || !navigator.sendBeacon(address, body(events))) return;
    for (const one of events) one.hasLeft = true;
  }
}

// ---- events --------------------------------------------------------------------------------------------------------

function tell(type, fields, where) {
  if (!counts()) return;
  const userId = recall("user");
  const event = {
    type,
    messageId: newId(),
    anonymousId: visitor(),
    timestamp: new Date().toISOString(),
    context: { library: { name: "shuke.js" }, userAgent: navigator.userAgent, locale: navigator.language },
    ...fields,
  };
  if (userId) event.userId = userId;
  if (where) event.context.page = where;
  enqueue(event);
  return event.messageId;
}

/**
 * What is told of the address, and `spot` and `query`, by which a change is another view or none. Behind a `#` stand tokens
 * too, so nothing of it is told but the path of a router where the shop says so, which ends before any query or value.
 */
function whereabouts() {
  const { pathname, search, hash, href } = location;
  const route = views === "hash" && hash.match(/^(#!?(\/[^?#&=]*))([^#]*)/);
  const [, mark, path, rest] = route || ["", "", "/", ""]; // a router begins at its home by writing `#/`
  return {
    url: href.split("#")[0] + mark,
    path: route ? path : pathname,
    search,
    spot: pathname + path,
    query: search + rest,
  };
}

function tellView(name, properties) {
  if (!counts()) return;
  tellStay();
  const { url, path, search } = whereabouts();
  place = { url, path, search, referrer: (isFirst ? page.referrer : place.url) || undefined };
  isFirst = false;
  for (const field of ["url", "path", "search"]) {
    // Of something else than text the collector could make no page, and would refuse what happens on it.
    if (properties && typeof properties[field] === "string") place[field] = properties[field];
  }
  view = tell("page", { name, properties: { ...place, ...properties } });
}

function track(event, properties) {
  tell("track", { event, properties }, place);
}

/** Add the time since the last look, if the page could be seen during it. */
function look() {
  const now = performance.now();
  const passed = now - looked;
  looked = now;
  if (isSeen && passed < 3 * BEAT) spent += passed;
}

/** Tell the stay that was not told yet. */
function tellStay() {
  look();
  const milliseconds = Math.round(spent);
  spent = 0;
  if (view && milliseconds > 0) track("Page Stayed", { milliseconds, view });
}

function leave() {
  tellStay();
  isSeen = false;
  flushByBeacon();
}

function shown() {
  look();
  isSeen = page.visibilityState === "visible";
}

function bare(host) {
  return host.replace(/^(www|m)\./, "");
}

function clicked(click) {
  if (!isOn || !click.target.closest || click.button > 1) return;
  const marked = click.target.closest("[data-shuke-click]");
  const link = click.target.closest("a[href]");
  const isWeb = link && /^http/.test(link.protocol); // else it is an address of a person, or a script
  const isOut = isWeb && bare(link.hostname) !== bare(location.hostname);
  if (!marked && !isOut) return;
  if (click.target === pressed) return;
  const label = click.target.closest("label");
  pressed = label && label.control;
  setTimeout(() => (pressed = 0)); // it passes it on at once
  const { scrollWidth: width, scrollHeight: height } = page.documentElement;
  let { pageX, pageY } = click;
  if (!click.detail) {
    // By keyboard: the middle of what was pressed.
    const box = (marked || link).getBoundingClientRect();
    pageX = box.x + box.width / 2 + scrollX;
    pageY = box.y + box.height / 2 + scrollY;
  }
  const cell = (at, size, cells) => Math.max(0, Math.min(cells - 1, Math.floor((at / size) * cells)));
  track("Element Clicked", {
    kind: isOut ? "outbound" : "marked",
    label: [...((marked && marked.dataset.shukeClick) || (link || marked).textContent.trim())].slice(0, LABEL).join(""),
    href: isWeb ? link.origin + link.pathname : undefined,
    x: cell(pageX, width, COLUMNS),
    y: cell(pageY, height, ROWS),
    width,
    height,
  });
}

// ---- when ----------------------------------------------------------------------------------------------------------

/** The address has changed, perhaps: another path is another view; another query only when it was not just rewritten. */
function moved(isRewritten) {
  const before = seen;
  seen = whereabouts();
  const isOther = seen.spot !== before.spot || (!isRewritten && seen.query !== before.query);
  if (isOther && views !== "own") tellView();
}

function start() {
  if (isOn || isRefused) return;
  isOn = true;
  forget("off");
  adopt();
  shown();
  spent = 0;
  if (views !== "own") tellView();
  else flush();
}

function stop() {
  isOn = isKept = false;
  failures = 0;
  queue = [];
  memory = {};
  place = view = undefined;
  isFirst = true;
  if (own) keep();
}

/**
 * What another page has taken back is over here too: consent by its sign, a name with the user. An id that is missing is no
 * sign: shops wipe their storage when somebody signs out, so it is stored again. Only a page that comes back from the
 * browser's memory, and has heard of nothing meanwhile, takes it for a withdrawal, unless consent is stated.
 */
function heed(isBack) {
  if (!isOn) return;
  if (stored("off")) return stop();
  if (!isKept) return;
  if (!stored("user")) delete memory.user;
  if (stored("id")) return;
  if (isBack && stated !== "given") return stop();
  remember("id", memory.id);
  keep();
}

function counts() {
  heed();
  return isOn;
}

const api = {
  consent(isGiven) {
    if (isGiven) return start();
    if (isOn || stored("id")) remember("off", 1); // nothing is stored of those who never agreed
    stop();
    forget("id", "user", ...queues("q."));
  },
  track,
  page: tellView,
  identify(userId, traits) {
    if (!counts() || userId == null || userId === "") return; // a guest: the shop's page has nobody to name
    remember("user", String(userId));
    tell("identify", { traits }, place);
  },
  reset() {
    forget("user");
    if (counts() || stored("id")) remember("id", newId()); // at once: other pages would store again what is missing
  },
  push: ([name, ...words]) => api[name](...words),
};

function begin() {
  const early = window.shuke;
  seen = whereabouts();
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...words) {
      original.apply(this, words);
      moved(name === "replaceState");
    };
  }
  addEventListener("popstate", () => moved());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    heed(true);
    shown();
    if (views !== "own") tellView();
  });
  addEventListener("storage", (event) => {
    // The sign may be wiped away again by the time that this page hears of it.
    if (event.key === PREFIX + "off" && event.newValue) stop();
    else heed();
  });
  addEventListener("online", () => later(0));
  addEventListener("pagehide", leave);
  page.addEventListener("visibilitychange", () => {
    if (page.visibilityState === "hidden") return leave();
    heed();
    shown();
    later(0);
  });
  page.addEventListener("click", clicked, true);
  page.addEventListener("auxclick", clicked, true);
  setInterval(() => {
    look();
    if (spent >= REPORT) tellStay();
  }, BEAT);
  window.shuke = api;
  if (stated === "given") start();
  if (Array.isArray(early)) early.forEach(api.push);
}

if (!(window.shuke && window.shuke.consent)) {
  if (page.prerendering) page.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
}
