import type { Kernel } from "./host.ts";
import type { Severity } from "./protocol.ts";

export const severities: Severity[] = ["error", "warning", "info"];
const shapes: Record<Severity, string> = { error: "■", warning: "▲", info: "○" };
const names: Record<Severity, [string, string]> = {
  error: ["error", "errors"],
  warning: ["warning", "warnings"],
  info: ["note", "notes"],
};

export const severityName = (severity: Severity, count = 1) => names[severity]?.[count === 1 ? 0 : 1] ?? severity;

/** The shape of a severity; the word is there for those who do not see the shape. */
export function SeverityShape({ severity, quiet = false }: { severity: Severity; quiet?: boolean }) {
  return (
    <span class={`rt-shape rt-${severity}`}>
      <span aria-hidden="true">{shapes[severity] ?? "○"}</span>
      {!quiet && <span class="rt-sr">{severityName(severity)}</span>}
    </span>
  );
}

const sentences: Partial<Record<Kernel, string>> = {
  waiting: "Waiting for the kernel…",
  silent: "No answer from the kernel for a while. If it was restarted, run the cell again.",
  gone: "The kernel is gone. Run the cell again to go on.",
};

export function Notices({ error, kernel, failure = "", onRetry }: { error: string; kernel: Kernel; failure?: string; onRetry?: (() => void) | undefined }) {
  const wait = sentences[kernel];
  return (
    <div class="rt-notices">
      {error && (
        <p class="rt-notice rt-notice-error" role="alert">
          {error}
        </p>
      )}
      {failure && (
        <p class="rt-notice rt-notice-error" role="alert">
          <span>{failure}</span>
          {onRetry && (
            <button type="button" onClick={onRetry}>
              Try again
            </button>
          )}
        </p>
      )}
      {wait && (
        <p class="rt-notice" role="status">
          {wait}
        </p>
      )}
    </div>
  );
}

export function Empty({ text, busy = false }: { text: string; busy?: boolean }) {
  return (
    <div class="rt-empty" aria-busy={busy}>
      <p>{text}</p>
    </div>
  );
}

/** Says to a screen reader what has changed; nobody sees it. */
export function Live({ text }: { text: string }) {
  return (
    <div class="rt-sr" role="status" aria-live="polite" data-live="">
      {text}
    </div>
  );
}
