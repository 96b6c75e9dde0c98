import { showStatic, widget } from "../lib/mount.tsx";
import { IssuesApp } from "./app.tsx";
import "./issues.css";

export const mountStatic = showStatic(IssuesApp);
export default widget(IssuesApp);
