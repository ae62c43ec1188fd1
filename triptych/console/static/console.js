// Behaviour beyond HTML and htmx: polling, file uploads, keyboard shortcuts, and the theme.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const storage = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* storage is disabled */ } },
};

// --- polling: parts with hx-trigger="tick from:body" reload while the page is visible --------------------------------

const POLL_MS = 1500;
setInterval(() => {
  if (document.visibilityState !== "visible") return;
  document.body.dispatchEvent(new CustomEvent("tick"));
  $$("time[datetime]").forEach(updateAge);
}, POLL_MS);

function updateAge(time) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000));
  const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([l]) => seconds >= l) ?? [0, ""];
  const text = length ? `${Math.floor(seconds / length)} ${unit} ago` : "just now";
  if (time.textContent !== text) time.textContent = text;
  if (!time.title) time.title = new Date(time.dateTime).toLocaleString();
}

// Remove the notice after the next successful response.
document.body.addEventListener("htmx:after:request", (event) => {
  const status = event.detail?.ctx?.response?.status ?? 500;
  if (status < 400) $("#notice").replaceChildren();
});

// --- uploads ------------------------------------------------------------------------------------------------------

const tray = $("#tray");
const MAX_UPLOADS = 2; // each response waits for the verdict, so more parallel uploads would only queue on the server
const queue = [];
let active = 0;

function enqueue(files) {
  if (!tray) return;
  for (const file of files) {
    const entry = document.createElement("li");
    entry.className = "dropped";
    const name = document.createElement("span");
    const state = document.createElement("span");
    state.className = "busy";
    name.textContent = file.name;
    state.textContent = "Classifying …";
    entry.append(name, " ", state);
    tray.prepend(entry);
    queue.push([file, entry, state]);
  }
  $(".tray").hidden = tray.childElementCount === 0;
  sendNext();
}

async function sendNext() {
  if (active >= MAX_UPLOADS || queue.length === 0) return;
  active += 1;
  const [file, entry, state] = queue.shift();
  const body = new FormData();
  body.append("file", file);
  sendNext();
  try {
    const response = await fetch("/drop", { method: "POST", body, headers: { "HX-Request": "true" } });
    const text = await response.text();
    if (response.ok) {
      const template = document.createElement("template");
      template.innerHTML = text;
      const updated = template.content.firstElementChild;
      entry.replaceWith(updated);
      htmx.process(updated);
      document.body.dispatchEvent(new CustomEvent("tick"));
    } else {
      const explanation = new DOMParser().parseFromString(text, "text/html");
      fail(entry, state, $("h2", explanation)?.textContent ?? text);
    }
  } catch {
    fail(entry, state, "Upload failed: check that the console is running.");
  }
  active -= 1;
  sendNext();
}

function fail(entry, state, reason) {
  entry.classList.add("failed");
  state.className = "reason";
  state.textContent = reason;
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
    enqueue(event.dataTransfer.files);
  });
  const chooser = $("#files");
  $("#choose").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => { enqueue(chooser.files); chooser.value = ""; });
}

// --- forms ---------------------------------------------------------------------------------------------------------

$$("form[data-auto]").forEach((form) => form.addEventListener("change", () => form.requestSubmit()));

document.body.addEventListener("click", (event) => {
  const version = event.target.closest?.("[data-promote]")?.dataset.promote;
  if (!version) return;
  for (const row of $$(".promote tbody tr")) {
    const promoted = $("[name=version]", row).value === version;
    $("[name=weight]", row).value = promoted ? 1 : 0;
    $("[name=champion]", row).checked = promoted;
  }
  const reason = $(".promote [name=why]");
  reason.value ||= $(".advice .sentence")?.textContent ?? "";
});

// --- keyboard shortcuts -----------------------------------------------------------------------------------------------------------

const singleKeys = $("#single-keys");
singleKeys.checked = storage.get("single-keys") !== "off";
singleKeys.addEventListener("change", () => storage.set("single-keys", singleKeys.checked ? "on" : "off"));
$("#help").addEventListener("click", () => $("#keys").showModal());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || $("dialog[open]")) return;
  if (event.key === "Escape" && event.target.matches?.("input[data-key]")) event.target.blur();
  if (event.target.matches?.("input:not([type=radio], [type=checkbox], [type=file]), select, textarea")) return;
  if (!singleKeys.checked) return;
  const key = event.key.toLowerCase();
  const handled = key === "?" ? ($("#keys").showModal(), true) : press(key) || move(key);
  if (handled) event.preventDefault();
});

function press(key) {
  if (key === "d" && $("#choose")) { $("#choose").click(); return true; }
  if (!/^[a-z0-9/]$/.test(key)) return false;
  // Keys of the page take precedence over those of the navigation.
  const target = $(`main [data-key="${key}"]:not([disabled])`) ?? $(`nav [data-key="${key}"]`);
  if (target?.matches("input")) target.focus();
  else target?.click();
  return Boolean(target);
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

// --- theme ----------------------------------------------------------------------------------------------------------

$("#theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  storage.set("theme", root.dataset.theme);
  document.body.dispatchEvent(new CustomEvent("recolour"));
});
