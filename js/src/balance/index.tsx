import { showStatic, widget } from "../lib/mount.tsx";
import { BalanceApp } from "./app.tsx";
import "./balance.css";

export const mountStatic = showStatic(BalanceApp);
export default widget(BalanceApp);
