// Before anything is drawn: the theme that was chosen here last, if one was. Else the system's own holds.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* no storage: the system's own */ }
