// Apply the theme before the first paint: the one chosen last, or else the system's, including later changes.
"use strict";
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is disabled: use the system's theme */ }
    const theme = chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    document.body?.dispatchEvent(new CustomEvent("recolour"));
  };
  apply();
  system.addEventListener("change", apply);
}
