/** What the style sheet says of a shape, and a picture that stands alone has to say itself. */
const kept = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight"];
const dropped = ["class", "style", "tabindex", "role", "aria-label", "aria-pressed", "aria-disabled", "aria-hidden"];

/** The drawings of a chart as the text of one SVG file, one below the other, in the colours of the page. */
export function picture(drawings: SVGSVGElement[], title: string): string {
  const width = Math.max(...drawings.map((one) => Number(one.getAttribute("width"))), 1);
  const height = drawings.reduce((sum, one) => sum + Number(one.getAttribute("height")), 0);
  const file = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "system-ui, sans-serif" })) file.setAttribute(name, String(value));
  const named = document.createElementNS(file.namespaceURI, "title");
  named.textContent = title;
  file.append(named);
  let top = 0;
  for (const drawing of drawings) {
    const copy = alone(drawing);
    copy.setAttribute("y", String(top));
    top += Number(drawing.getAttribute("height"));
    file.append(copy);
  }
  return new XMLSerializer().serializeToString(file);
}

function alone(drawing: SVGSVGElement): SVGElement {
  const copy = drawing.cloneNode(true) as SVGElement;
  const copies = [copy, ...copy.querySelectorAll("*")];
  [drawing, ...drawing.querySelectorAll("*")].forEach((shape, at) => {
    const style = getComputedStyle(shape);
    for (const name of dropped) copies[at]!.removeAttribute(name);
    if (shape.matches("rect, circle, line, text")) for (const name of kept) copies[at]!.setAttribute(name, style.getPropertyValue(name));
    if (shape.matches(".rt-hit")) copies[at]!.remove();
  });
  return copy;
}

/** Saves a text as a file of the browser. */
export function save(text: string, name: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
