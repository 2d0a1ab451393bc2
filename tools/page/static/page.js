// The page: what the demo tells is drawn, what a person presses is sent. It decides nothing.
"use strict";

const KEYPAD = ["1", "2", "3", "A", "4", "5", "6", "B", "7", "8", "9", "C", "*", "0", "#", "D"];
const TYPED = {Enter: "#", Escape: "*", Backspace: "C"};
const SIGNALS = [["strong", -67], ["weak", -97], ["lost", null]];
const BATTERIES = [83, 40, 8];
const EVENTS_MAX = 100;
const SALE = 1;
const [KEYING, CONFIRMED, SAVED, POSTED] = [1, 2, 3, 4];

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=token]").content;
const handsets = new Map(); // terminal id -> how it is
const types = new Map(); // "terminal/journal/trace" -> message type
const steps = new Map(); // terminal id -> how far its sale is: keyed, confirmed, saved, posted
let cards = [], operators = [], reasons = {zh: {}, en: {}}, said = [];
let opened = false, current = null, language = remembered();

// what somebody chose here, else what the browser speaks
function remembered() {
  const spoken = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  try {
    const chosen = localStorage.getItem("language");
    return Object.keys(WORDS).includes(chosen) ? chosen : spoken;
  } catch {
    return spoken; // no storage: a choice is forgotten with the page
  }
}

const word = (name) => WORDS[language][name];

function made(tag, text, ...classes) {
  const element = document.createElement(tag);
  element.textContent = text;
  element.classList.add(...classes);
  return element;
}

function button(text, act, ...classes) {
  const element = made("button", text, ...classes);
  element.type = "button";
  return acting(element, act);
}

function acting(element, act) {
  // a mouse does not take the keyboard away from the handset
  element.addEventListener("mousedown", (event) => event.preventDefault());
  element.addEventListener("click", act);
  return element;
}

// -- sending -----------------------------------------------------------------------------------

const toSend = [];
let sending = false;

function send(what, body) {
  const last = toSend[toSend.length - 1];
  if (what === "keys" && last && last.what === "keys" && last.handset === current
      && last.body.keys.length < 32) {
    last.body.keys += body.keys;
  } else {
    toSend.push({handset: current, what, body});
  }
  pump();
}

// one after the other: a card never overtakes the keys before it
async function pump() {
  if (sending) return;
  sending = true;
  while (toSend.length) {
    const {handset, what, body} = toSend.shift();
    try {
      const answer = await fetch(`/handsets/${handset}/${what}`, {
        method: "POST", body: JSON.stringify(body),
        headers: {"Content-Type": "application/json", "X-Pointwire-Token": token}});
      if (!answer.ok) notice((await answer.json()).error);
    } catch {
      notice(word("gone"));
    }
  }
  sending = false;
}

function press(key) {
  if (!opened) return;
  const shown = document.querySelector(`[data-key="${key}"]`);
  shown.classList.add("down");
  setTimeout(() => shown.classList.remove("down"), 120);
  send("keys", {keys: key});
}

function hold(card) {
  const entry = Number(document.querySelector("[name=entry]:checked").value);
  send("card", {card, entry});
}

// -- drawing -----------------------------------------------------------------------------------

function paint(canvas, pixels) {
  const surface = canvas.getContext("2d");
  const image = surface.createImageData(128, 64);
  for (let place = 0; place < 1024; place++) {
    const column = pixels ? parseInt(pixels.substr(place * 2, 2), 16) : 0;
    const x = place % 128, y = (place >> 7) * 8;
    for (let bit = 0; bit < 8; bit++) {
      image.data.set(column >> bit & 1 ? [190, 240, 255, 255] : [7, 12, 20, 255],
                     ((y + bit) * 128 + x) * 4);
    }
  }
  surface.putImageData(image, 0, 0);
}

const condition = (seen) => word(!seen.power ? "off" : seen.up ? "online" : "offline");

function drawTab(seen) {
  const tab = $(`tab-${seen.handset}`);
  tab.setAttribute("aria-pressed", String(seen.handset === current));
  tab.dataset.state = !seen.power ? "off" : seen.up ? "up" : "down";
  tab.querySelector(".name").textContent = String(seen.handset);
  tab.querySelector(".state").textContent = condition(seen)
    + (seen.unsent ? ` · ${seen.unsent} ${word("unsent")}` : "");
  paint(tab.querySelector("canvas"), seen.pixels);
}

function drawCurrent() {
  const seen = handsets.get(current);
  if (!seen) return;
  paint($("screen"), seen.pixels);
  const text = seen.power ? seen.lines.slice(1).filter(Boolean).join("，") : word("dark");
  if ($("screen-text").textContent !== text) $("screen-text").textContent = text;
  $("screen").dataset.lines = JSON.stringify(seen.lines);
  $("dark").hidden = seen.power;
  $("facts").textContent = `${word("terminal")} ${seen.handset} · ${condition(seen)} · `
    + `${seen.unsent === null ? "–" : seen.unsent} ${word("unsent")} · ${seen.runtime}`;
  const level = SIGNALS.findIndex(([, dbm]) => dbm === seen.signal_dbm);
  mark($("signal"), level);
  mark($("battery"), BATTERIES.indexOf(seen.battery_percent));
  $("paper-out").textContent = word(seen.paper ? "no_paper" : "new_paper");
  $("power").textContent = word(seen.power ? "cut" : "on");
  $("power").classList.toggle("on", !seen.power);
  drawSteps();
}

function mark(group, chosen) {
  group.querySelectorAll("button").forEach((each, place) =>
    each.setAttribute("aria-pressed", String(place === chosen)));
}

function drawSteps() {
  const step = steps.get(current) || 0;
  const seen = handsets.get(current);
  const next = !opened ? word("wait") : !seen ? "" : !seen.power ? word("next_on")
    : word("next")[seen.hint];
  if ($("next").textContent !== next) $("next").textContent = next; // else it is read out again
  $("steps").replaceChildren(...word("steps").map((text, place) => {
    const row = made("li", text);
    if (place < step) row.classList.add("done");
    if (place === Math.min(step, SAVED) && step < POSTED) row.setAttribute("aria-current", "step");
    return row;
  }));
}

function advance(handset, step) {
  steps.set(handset, step);
  if (step === POSTED) $("tries").parentElement.open = true;
  if (handset === current) drawSteps();
}

// a handset came to another place; what was saved goes on by what is said of it
function arrived(handset, place) {
  const step = steps.get(handset) || 0;
  if (place === "amount") advance(handset, KEYING);
  if (step >= SAVED) return;
  if (place === "card" && step) advance(handset, CONFIRMED);
  if (place === "home" || place === "result") advance(handset, 0);
}

function drawEvents() {
  const rows = [];
  for (const each of said) {
    if (each.handset !== current) continue;
    const type = types.get(`${each.handset}/${each.journal}/${each.trace}`);
    const text = plain(language, each, type, reasons[language]);
    const last = rows[rows.length - 1];
    if (last && last.text === text) {
      last.times += 1;
      last.at = each.at;
    } else {
      rows.push({text, at: each.at, times: 1, said: each});
    }
  }
  $("events").replaceChildren(...rows.slice(-EVENTS_MAX).reverse().map((row) => {
    const item = made("li", "", `is-${kind(row.said)}`);
    item.append(made("time", row.at), made("span", row.text + (row.times > 1 ? ` ×${row.times}` : "")));
    return item;
  }));
  const slip = said.filter((each) => each.event === "slip" && each.handset === current).pop();
  $("paper").hidden = !slip;
  if (slip) $("paper").querySelector("pre").textContent = 
    // [style, text]: 1 is centred over 32 columns, a letter beyond ASCII takes two
    slip.lines.map(([style, text]) => {
      const columns = [...text].reduce((sum, each) => sum + (each.charCodeAt(0) < 128 ? 1 : 2), 0);
      return (style & 1 ? " ".repeat(Math.max(0, (32 - columns) >> 1)) : "") + text;
    }).join("\n");
}

function kind(each) {
  if (each.event === "settled") return each.code === 0 ? "posted" : "bad";
  if (each.event === "link") return each.up ? "link" : "bad";
  return {saved: "saved", no_link: "bad", off: "bad", not_saved: "bad", died: "bad", flash: "bad",
          recovery: "bad"}[each.event] || "other";
}

function notice(text) {
  $("notice").textContent = text || "";
  $("notice").hidden = !text;
}

// -- building what does not change but for the language ------------------------------------------

function build() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.querySelectorAll("[data-t]").forEach((each) => { each.textContent = word(each.dataset.t); });
  document.querySelectorAll("[data-label]").forEach((each) =>
    each.setAttribute("aria-label", word(each.dataset.label)));
  $("language").textContent = word("other");
  $("language").lang = word("other_lang");
  $("keypad").replaceChildren(...KEYPAD.map((key) => {
    const hint = word("keys")[key] || "";
    const made_ = button(key, () => press(key), "key", /[0-9]/.test(key) ? "digit" : "function");
    made_.dataset.key = key;
    made_.setAttribute("aria-label", `${word("key")} ${key} ${hint}`.trim());
    made_.append(made("small", hint));
    return made_;
  }));
  $("cards").replaceChildren(...cards.map((card) => {
    const tile = button("", () => hold(card.card), "card", `is-${card.kind}`);
    tile.append(made("b", card.name || word(card.kind)), made("small", card.name ? word(card.kind) : ""),
                made("span", `•••• ${card.last4}`));
    tile.dataset.card = card.card;
    tile.setAttribute("aria-label",
                      `${card.name} ${word(card.kind)}, ${word("last4")} ${card.last4}`.trim());
    return tile;
  }), button(word("two"), () => send("two-cards", {}), "card", "is-two"));
  $("signal").replaceChildren(made("span", word("signal")), ...SIGNALS.map(([name, dbm]) =>
    button(word(name), () => send("signal", {dbm}))));
  $("battery").replaceChildren(made("span", word("battery")), ...BATTERIES.map((percent) =>
    button(`${percent}%`, () => send("battery", {percent}))));
  $("operators").hidden = !operators.length;
  $("operators").querySelector("ul").replaceChildren(...operators.map(({number, name, pin}) =>
    made("li", `${number} # ${pin} # ${name}`)));
  $("tries").replaceChildren(...word("tries").map((text) => made("li", text)));
  $("handsets").replaceChildren(...[...handsets.values()].map((seen) => {
    const tab = button("", () => { current = seen.handset; draw(); });
    tab.id = `tab-${seen.handset}`;
    const canvas = made("canvas", "");
    canvas.width = 128;
    canvas.height = 64;
    canvas.setAttribute("aria-hidden", "true");
    tab.append(canvas, made("span", "", "name"), made("span", "", "state"));
    return tab;
  }));
  draw();
}

function draw() {
  document.body.classList.toggle("waiting", !opened);
  handsets.forEach(drawTab);
  drawCurrent();
  drawEvents();
}

// -- what is told ------------------------------------------------------------------------------

function heard(each) {
  if (each.event === "saved") types.set(`${each.handset}/${each.journal}/${each.trace}`, each.type);
  said.push(each);
}

function listen() {
  const source = new EventSource("/events");
  const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  on("street", (street) => {
    notice("");
    ({cards, operators, opened, reasons} = street);
    handsets.clear();
    said = [];
    street.handsets.forEach((seen) => handsets.set(seen.handset, seen));
    street.said.forEach(heard);
    if (!handsets.has(current)) current = handsets.size ? handsets.keys().next().value : null;
    build();
  });
  on("handset", (seen) => {
    const known = handsets.get(seen.handset);
    handsets.set(seen.handset, seen);
    if (current === null) current = seen.handset;
    if (!known) build();
    if (known && known.place !== seen.place) arrived(seen.handset, seen.place);
    drawTab(seen);
    if (seen.handset === current) drawCurrent();
  });
  on("said", (each) => {
    heard(each);
    if (each.event === "off") advance(each.handset, 0);
    if (each.event === "saved" && each.type === SALE) advance(each.handset, SAVED);
    if (each.event === "settled" && steps.get(each.handset) === SAVED) {
      advance(each.handset, each.code === 0 ? POSTED : 0);
    }
    if (each.handset === current) drawEvents();
  });
  on("opened", (now) => {
    opened = now;
    steps.clear();
    draw();
  });
  source.onerror = () => notice(word("gone"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const inside = event.target.closest("button, summary");
  if (inside && (event.key === "Enter" || event.key === " ")) return; // that one is meant
  const key = TYPED[event.key] || event.key.toUpperCase();
  if (KEYPAD.includes(key)) {
    event.preventDefault();
    press(key);
  }
});

acting($("language"), () => {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem("language", language);
  } catch {
    // it is not remembered then
  }
  build();
});

acting($("paper-out"), () => {
  const seen = handsets.get(current);
  if (seen) send("paper", {there: !seen.paper});
});
acting($("power"), () => {
  const seen = handsets.get(current);
  if (seen) send("power", {on: !seen.power});
});

build();
listen();
