export type Theme = "light" | "dark";

const watched = ["class", "data-theme", "theme", "data-jp-theme-light", "data-vscode-theme-kind", "style"];

function told(node: Element): Theme | null {
  const jupyter = node.getAttribute("data-jp-theme-light");
  if (jupyter !== null) return jupyter === "false" ? "dark" : "light";
  const vscode = node.getAttribute("data-vscode-theme-kind");
  if (vscode !== null) return vscode.includes("light") ? "light" : "dark";
  const named = node.getAttribute("data-theme") ?? node.getAttribute("theme") ?? node.getAttribute("data-bs-theme");
  if (named === "dark" || named === "light") return named;
  if (node.classList.contains("dark") || node.classList.contains("dark-theme")) return "dark";
  if (node.classList.contains("light") || node.classList.contains("light-theme")) return "light";
  return null;
}

/** What the page around says of itself; the system's preference if it says nothing. */
export function detectTheme(document: Document): Theme {
  const view = document.defaultView;
  const said = (document.body && told(document.body)) ?? told(document.documentElement);
  if (said) return said;
  return view?.matchMedia?.("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function watchTheme(root: HTMLElement): () => void {
  const document = root.ownerDocument;
  const apply = () => {
    const theme = detectTheme(document);
    if (root.dataset.theme !== theme) root.dataset.theme = theme;
  };
  apply();
  const observer = new MutationObserver(apply);
  const options = { attributes: true, attributeFilter: watched };
  observer.observe(document.documentElement, options);
  if (document.body) observer.observe(document.body, options);
  const preference = document.defaultView?.matchMedia?.("(prefers-color-scheme: dark)");
  preference?.addEventListener?.("change", apply);
  return () => {
    observer.disconnect();
    preference?.removeEventListener?.("change", apply);
  };
}
