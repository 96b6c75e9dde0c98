import { showStatic, widget } from "../lib/mount.tsx";
import { ReviewApp } from "./app.tsx";
import "../thread/thread.css";
import "../issues/issues.css";
import "../balance/balance.css";
import "./review.css";

export const mountStatic = showStatic(ReviewApp);
export default widget(ReviewApp);
