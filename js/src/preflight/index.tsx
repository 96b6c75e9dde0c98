import { showStatic, widget } from "../lib/mount.tsx";
import { PreflightApp } from "./app.tsx";
import "./preflight.css";

export const mountStatic = showStatic(PreflightApp);
export default widget(PreflightApp);
