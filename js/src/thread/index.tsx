import { showStatic, widget } from "../lib/mount.tsx";
import { ThreadApp } from "./app.tsx";
import "./thread.css";

export const mountStatic = showStatic(ThreadApp);
export default widget(ThreadApp);
