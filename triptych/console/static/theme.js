// Before anything is drawn: the theme that was chosen here last, if one was. Else the system's own, also when it changes.
"use strict";
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const hold = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* no storage: the system's own */ }
    const theme = chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    document.body?.dispatchEvent(new CustomEvent("recolour"));
  };
  hold();
  system.addEventListener("change", hold);
}
