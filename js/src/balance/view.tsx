import { render } from "preact";
import { useCallback, useRef, useState } from "preact/hooks";
import { useSize, useUnique } from "../lib/hooks.ts";
import type { Chart, PhraseLine } from "../lib/protocol.ts";
import { Empty } from "../lib/status.tsx";
import { clamp } from "../lib/window.ts";
import { BarsDrawing } from "./bars.tsx";
import { chooseMark, isChosen } from "./choice.ts";
import { HeatDrawing } from "./heat.tsx";
import { HistogramDrawing } from "./histogram.tsx";
import type { Mark, MarksProps, Place } from "./marks.tsx";
import { MultiplesDrawing } from "./multiples.tsx";
import { PhraseList } from "./phrases.tsx";
import { picture, save } from "./picture.ts";
import { SpectrumDrawing } from "./spectrum.tsx";
import { StackDrawing } from "./stack.tsx";

interface Props {
  charts: Chart[];
  query: string;
  empty: string;
  busy: boolean;
  /** Lower drawings in one row, for a strip below something else. */
  compact?: boolean;
  onQuery: (query: string) => void;
  /** Opens the place where a phrase stands. */
  onOpen?: ((line: PhraseLine) => void) | undefined;
}

/** How the dataset is spread, one idea a chart; every mark is also a filter. */
export function BalanceView({ charts, query, empty, busy, compact = false, onQuery, onOpen }: Props) {
  if (charts.length === 0) return <Empty text={busy ? "Computing the charts…" : empty} busy={busy} />;
  const figures = (shown: Chart[]) =>
    shown.map((chart) => (
      <ChartFigure
        key={chart.id}
        chart={chart}
        query={query}
        compact={compact}
        onChoose={(filter) => onQuery(chooseMark(query, filter, charts))}
        onOpen={onOpen}
      />
    ));
  const groups = [...new Set(charts.map((chart) => chart.group ?? ""))];
  return (
    <div class={`rt-balance${busy ? " rt-stale" : ""}`} aria-busy={busy}>
      {compact ? (
        <div class="rt-charts rt-compact">{figures(charts)}</div>
      ) : (
        groups.map((group) => (
          <section key={group} aria-label={group || undefined}>
            {group && <h3 class="rt-chart-group">{group}</h3>}
            <div class="rt-charts">{figures(charts.filter((chart) => (chart.group ?? "") === group))}</div>
          </section>
        ))
      )}
    </div>
  );
}

interface FigureProps {
  chart: Chart;
  query: string;
  compact: boolean;
  onChoose: (filter: string) => void;
  onOpen?: ((line: PhraseLine) => void) | undefined;
}

function ChartFigure({ chart, query, compact, onChoose, onOpen }: FigureProps) {
  const [asTable, setAsTable] = useState(false);
  const [pointed, setPointed] = useState<{ mark: Mark; place: Place } | null>(null);
  const body = useRef<HTMLDivElement>(null);
  const titleId = useUnique("rt-chart");
  const { width, height } = useSize(body);
  const onPoint = useCallback((mark: Mark | null, place: Place) => setPointed(mark && { mark, place }), []);
  // In a strip a histogram takes what its sentence leaves of the room.
  const tall = compact ? clamp(height || 118, 84, 118) : 150;
  const drawing = { width: width || 280, marks: chart.marks, query, onChoose, onPoint };
  const drawn = !asTable && chart.marks.length > 0;
  const keep = () => {
    // A list of phrases is saved as bars, which stand in the page only for so long.
    const bars = chart.kind === "phrases" && body.current!.appendChild(document.createElement("div"));
    if (bars) render(<BarsDrawing chart={chart} compact={false} {...drawing} />, bars);
    save(picture([...body.current!.querySelectorAll("svg")], chart.title), `${chart.id}.svg`, "image/svg+xml");
    if (bars) {
      render(null, bars);
      bars.remove();
    }
  };
  return (
    <figure class={`rt-chart rt-kind-${chart.kind}${chart.kind === "heat" && chart.columns.length > 6 ? " rt-broad" : ""}`} aria-labelledby={titleId} data-chart={chart.id}>
      <figcaption>
        <b id={titleId}>{chart.title}</b>
        <span class="rt-chart-tools">
          {drawn && !compact && (
            <button type="button" class="rt-link" aria-label="Save this chart as an SVG file" onClick={keep}>
              SVG
            </button>
          )}
          <button type="button" class="rt-link" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            as table
          </button>
        </span>
        <small>{chart.subtitle}</small>
      </figcaption>
      <div class="rt-chart-body" ref={body}>
        {asTable ? (
          <MarkTable chart={chart} query={query} onChoose={onChoose} />
        ) : chart.marks.length === 0 ? (
          <p class="rt-note">Nothing to draw.</p>
        ) : (
          <>
            <Drawing chart={chart} compact={compact} tall={tall} onOpen={onOpen} {...drawing} />
            {pointed && <Tip {...pointed} width={drawing.width} />}
          </>
        )}
      </div>
    </figure>
  );
}

function Drawing({ chart, compact, tall, onOpen, ...rest }: { chart: Chart; compact: boolean; tall: number; width: number; onOpen?: ((line: PhraseLine) => void) | undefined } & MarksProps) {
  switch (chart.kind) {
    case "histogram":
      return <HistogramDrawing chart={chart} height={tall} {...rest} />;
    case "multiples":
      return <MultiplesDrawing chart={chart} {...rest} />;
    case "stack":
      return <StackDrawing chart={chart} {...rest} />;
    case "heat":
      return <HeatDrawing chart={chart} {...rest} />;
    case "spectrum":
      return <SpectrumDrawing chart={chart} {...rest} />;
    case "phrases":
      return <PhraseList chart={chart} compact={compact} query={rest.query} onChoose={rest.onChoose} onOpen={onOpen} />;
    default:
      return <BarsDrawing chart={chart} compact={compact} {...rest} />;
  }
}

function Tip({ mark, place, width }: { mark: Mark; place: Place; width: number }) {
  const half = Math.min(width / 2, Math.max(60, (mark.label.length + mark.text.length) * 2));
  return (
    <div class="rt-tip" role="tooltip" style={{ left: `${clamp(place.x, half, width - half)}px`, top: `${place.y}px` }}>
      <b>{mark.label}</b> {mark.text}
    </div>
  );
}

function MarkTable({ chart, query, onChoose }: { chart: Chart; query: string; onChoose: (filter: string) => void }) {
  const upright = chart.kind === "histogram" || chart.kind === "multiples";
  const kind = upright ? chart.y.label : chart.x.label;
  return (
    <div class="rt-table-box" tabIndex={0} role="group" aria-label={`${chart.title}, as a table`}>
      <table>
        <caption class="rt-sr">{`${chart.title}. ${chart.subtitle}`}</caption>
        <thead>
          <tr>
            <th scope="col">{upright ? chart.x.label : chart.subtitle}</th>
            <th scope="col">{kind}</th>
          </tr>
        </thead>
        <tbody>
          {chart.marks.map((mark, at) => {
            const { filter } = mark;
            return (
              <tr key={at} class={isChosen(query, filter) ? "rt-chosen" : ""}>
                <th scope="row">
                  {filter ? (
                    <button type="button" class="rt-link" aria-pressed={isChosen(query, filter)} onClick={() => onChoose(filter)}>
                      {mark.label}
                    </button>
                  ) : (
                    mark.label
                  )}
                </th>
                <td>{mark.text}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
