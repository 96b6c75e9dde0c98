import { useCallback, useRef, useState } from "preact/hooks";
import { useSize, useUnique } from "../lib/hooks.ts";
import type { Chart } from "../lib/protocol.ts";
import { Empty } from "../lib/status.tsx";
import { clamp } from "../lib/window.ts";
import { BarsDrawing } from "./bars.tsx";
import { chooseMark, isChosen } from "./choice.ts";
import { HistogramDrawing } from "./histogram.tsx";
import type { Mark, Place } from "./marks.tsx";

interface Props {
  charts: Chart[];
  query: string;
  empty: string;
  busy: boolean;
  /** Lower drawings in one row, for a strip below something else. */
  compact?: boolean;
  onQuery: (query: string) => void;
}

/** How the dataset is spread, one idea a chart; every mark is also a filter. */
export function BalanceView({ charts, query, empty, busy, compact = false, onQuery }: Props) {
  if (charts.length === 0) return <Empty text={busy ? "Computing the charts…" : empty} busy={busy} />;
  return (
    <div class={`rt-charts${compact ? " rt-compact" : ""}${busy ? " rt-stale" : ""}`} aria-busy={busy}>
      {charts.map((chart) => (
        <ChartFigure
          key={chart.id}
          chart={chart}
          query={query}
          compact={compact}
          onChoose={(filter) => onQuery(chooseMark(query, filter, charts))}
        />
      ))}
    </div>
  );
}

function ChartFigure({ chart, query, compact, onChoose }: { chart: Chart; query: string; compact: boolean; onChoose: (filter: string) => void }) {
  const [asTable, setAsTable] = useState(false);
  const [pointed, setPointed] = useState<{ mark: Mark; place: Place } | null>(null);
  const body = useRef<HTMLDivElement>(null);
  const titleId = useUnique("rt-chart");
  const { width } = useSize(body);
  const onPoint = useCallback((mark: Mark | null, place: Place) => setPointed(mark && { mark, place }), []);
  const drawing = { width: width || 280, marks: chart.marks, query, onChoose, onPoint };
  return (
    <figure class="rt-chart" aria-labelledby={titleId} data-chart={chart.id}>
      <figcaption>
        <b id={titleId}>{chart.title}</b>
        <small title={chart.subtitle}>{chart.subtitle}</small>
        <button type="button" class="rt-link" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          as table
        </button>
      </figcaption>
      <div class="rt-chart-body" ref={body}>
        {asTable ? (
          <MarkTable chart={chart} query={query} onChoose={onChoose} />
        ) : chart.marks.length === 0 ? (
          <p class="rt-note">Nothing to draw.</p>
        ) : (
          <>
            {chart.kind === "histogram" ? <HistogramDrawing chart={chart} height={compact ? 118 : 150} {...drawing} /> : <BarsDrawing chart={chart} compact={compact} {...drawing} />}
            {pointed && <Tip {...pointed} width={drawing.width} />}
          </>
        )}
      </div>
    </figure>
  );
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
  const kind = chart.kind === "histogram" ? chart.y.label : chart.x.label;
  return (
    <div class="rt-table-box" tabIndex={0} role="group" aria-label={`${chart.title}, as a table`}>
      <table>
        <caption class="rt-sr">{`${chart.title}. ${chart.subtitle}`}</caption>
        <thead>
          <tr>
            <th scope="col">{chart.kind === "histogram" ? chart.x.label : chart.subtitle}</th>
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
