import { showStatic, widget } from "../lib/mount.tsx";
import "../preflight/preflight.css";
import { WitnessApp } from "./app.tsx";
import "./witness.css";

export const mountStatic = showStatic(WitnessApp);
export default widget(WitnessApp);
