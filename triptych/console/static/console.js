// What HTML and htmx cannot say: the clock that keeps pages fresh, dropped files, keys, and the theme.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const remembered = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* not kept */ } },
};

// --- the clock: parts that say hx-trigger="tick from:body" ask again, as long as somebody looks ---------------------

const PACE_MS = 1500;
setInterval(() => {
  if (document.visibilityState !== "visible") return;
  document.body.dispatchEvent(new CustomEvent("tick"));
  $$("time[datetime]").forEach(tellAge);
}, PACE_MS);

function tellAge(time) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000));
  const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([l]) => seconds >= l) ?? [0, ""];
  const text = length ? `${Math.floor(seconds / length)} ${unit} ago` : "just now";
  if (time.textContent !== text) time.textContent = text;
  if (!time.title) time.title = new Date(time.dateTime).toLocaleString();
}

// A notice goes when the next answer shows that all is well.
document.body.addEventListener("htmx:after:request", (event) => {
  const status = event.detail?.ctx?.response?.status ?? 500;
  if (status < 400) $("#notice").replaceChildren();
});

// --- dropped files ------------------------------------------------------------------------------------------------

const tray = $("#tray");
const AT_ONCE = 2; // the answer to each comes with its verdict: more at once would only queue elsewhere
const waiting = [];
let sending = 0;

function take(files) {
  if (!tray) return;
  for (const file of files) {
    const entry = document.createElement("li");
    entry.className = "dropped";
    const name = document.createElement("span");
    const state = document.createElement("span");
    state.className = "busy";
    name.textContent = file.name;
    state.textContent = "is being classified …";
    entry.append(name, " ", state);
    tray.prepend(entry);
    waiting.push([file, entry, state]);
  }
  $(".tray").hidden = tray.childElementCount === 0;
  sendNext();
}

async function sendNext() {
  if (sending >= AT_ONCE || waiting.length === 0) return;
  sending += 1;
  const [file, entry, state] = waiting.shift();
  const body = new FormData();
  body.append("file", file);
  sendNext();
  try {
    const answer = await fetch("/drop", { method: "POST", body, headers: { "HX-Request": "true" } });
    const text = await answer.text();
    if (answer.ok) {
      const template = document.createElement("template");
      template.innerHTML = text;
      const made = template.content.firstElementChild;
      entry.replaceWith(made);
      htmx.process(made);
      document.body.dispatchEvent(new CustomEvent("tick"));
    } else {
      const told = new DOMParser().parseFromString(text, "text/html");
      fail(entry, state, $("h2", told)?.textContent ?? text);
    }
  } catch {
    fail(entry, state, "could not be sent: is the console still running?");
  }
  sending -= 1;
  sendNext();
}

function fail(entry, state, why) {
  entry.classList.add("failed");
  state.className = "why";
  state.textContent = why;
}

if (tray) {
  const veil = $("#veil");
  let depth = 0;
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; veil.classList.add("shown"); } });
  addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) veil.classList.remove("shown"); });
  addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.classList.remove("shown");
    take(event.dataTransfer.files);
  });
  const chooser = $("#files");
  $("#choose").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => { take(chooser.files); chooser.value = ""; });
}

// --- forms that answer to a choice ----------------------------------------------------------------------------------

$$("form[data-auto]").forEach((form) => form.addEventListener("change", () => form.requestSubmit()));

document.body.addEventListener("click", (event) => {
  const version = event.target.closest?.("[data-promote]")?.dataset.promote;
  if (!version) return;
  for (const row of $$(".promote tbody tr")) {
    const mine = $("[name=version]", row).value === version;
    $("[name=weight]", row).value = mine ? 1 : 0;
    $("[name=champion]", row).checked = mine;
  }
  const why = $(".promote [name=why]");
  why.value ||= $(".advice .sentence")?.textContent ?? "";
});

// --- keys -----------------------------------------------------------------------------------------------------------

const singleKeys = $("#single-keys");
singleKeys.checked = remembered.get("single-keys") !== "off";
singleKeys.addEventListener("change", () => remembered.set("single-keys", singleKeys.checked ? "on" : "off"));
$("#help").addEventListener("click", () => $("#keys").showModal());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || $("dialog[open]")) return;
  if (event.target.matches?.("input:not([type=radio], [type=checkbox], [type=file]), select, textarea")) return;
  if (!singleKeys.checked) return;
  const key = event.key.toLowerCase();
  const done = key === "?" ? ($("#keys").showModal(), true) : press(key) || move(key);
  if (done) event.preventDefault();
});

function press(key) {
  if (key === "d" && $("#choose")) { $("#choose").click(); return true; }
  if (!/^[a-z0-9]$/.test(key)) return false;
  // The page's own keys come before those of the navigation.
  const named = $(`main [data-key="${key}"]:not([disabled])`) ?? $(`nav [data-key="${key}"]`);
  named?.click();
  return Boolean(named);
}

function move(key) {
  const step = { j: 1, arrowdown: 1, k: -1, arrowup: -1 }[key];
  const links = $$(".cards .open");
  if (!step || links.length === 0 || (key.startsWith("arrow") && !links.includes(document.activeElement))) return false;
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))];
  next.focus();
  next.closest(".card").scrollIntoView({ block: "nearest" });
  return true;
}

// --- light or dark --------------------------------------------------------------------------------------------------

$("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  remembered.set("theme", root.dataset.theme);
  document.body.dispatchEvent(new CustomEvent("recolour"));
});
