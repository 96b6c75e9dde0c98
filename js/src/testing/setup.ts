import { afterEach } from "vitest";
import { takeDown } from "./show.tsx";

// jsdom lays nothing out and knows no media queries.
Element.prototype.scrollIntoView = () => undefined;
window.matchMedia ??= (() => ({ matches: false, addEventListener() {}, removeEventListener() {} })) as never;
globalThis.requestAnimationFrame = ((callback: FrameRequestCallback) => setTimeout(() => callback(0), 0)) as never;

afterEach(() => takeDown());
