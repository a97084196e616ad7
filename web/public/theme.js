// Before the first paint, so that a dark page never flashes white. Not inline: the
// Content-Security-Policy allows no inline scripts.
(function () {
  var wish = "auto";
  try {
    wish = localStorage.getItem("mantine-color-scheme-value") || "auto";
  } catch (e) {
    // no storage: the system's theme
  }
  var dark = wish === "dark" || (wish === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
