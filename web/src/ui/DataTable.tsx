// A table that stays quick with 100,000 rows: only the rows in sight are in the page, and the next page of
// the list is read when its end comes near.

import { Checkbox, VisuallyHidden } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, memo, useCallback, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";

export interface Column<T> {
  /** The id of the column; also its text's key where it holds a dot ("customers.field.name"). */
  label: string;
  render: (row: T) => ReactNode;
  right?: boolean; // numbers
  narrow?: boolean; // as wide as its content
  hidden?: boolean;
}

interface Props<T> {
  label: string; // for those who do not see the page's title beside it
  rows: readonly T[];
  columns: Column<T>[];
  keyOf: (row: T) => string | number;
  selected?: ReadonlySet<string | number>;
  onSelect?: (selected: Set<string | number>) => void;
  /** Buttons at the end of a row. */
  actions?: (row: T) => ReactNode;
  onEnd?: () => void;
  more?: boolean;
  empty?: ReactNode;
  /** CSS height of the box. */
  height?: string;
}

const rowHeight = 39;

export function DataTable<T>({ label, rows, columns: all, keyOf, selected, onSelect, actions, onEnd, more, empty, height = "calc(100dvh - 204px)" }: Props<T>) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const columns = useMemo(() => all.filter((c) => !c.hidden), [all]);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => box.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rows.length - 20) onEnd?.();
  }, [more, last, rows.length, onEnd]);

  const width = columns.length + (onSelect ? 1 : 0) + (actions ? 1 : 0);
  const above = items[0]?.start ?? 0;
  const below = Math.max(0, virtual.getTotalSize() - (items.at(-1)?.end ?? 0));
  const every = rows.length > 0 && rows.every((row) => selected?.has(keyOf(row)));
  const choice = useRef({ selected, onSelect });
  useEffect(() => {
    choice.current = { selected, onSelect };
  });
  const toggle = useCallback((key: string | number) => {
    const next = new Set(choice.current.selected);
    if (!next.delete(key)) next.add(key);
    choice.current.onSelect?.(next);
  }, []);
  return (
    <div ref={box} className="tg-table-box" style={{ maxHeight: height }} tabIndex={0} role="region" aria-label={label}>
      <table className="tg-table" aria-rowcount={more ? -1 : rows.length + 1}>
        <thead>
          <tr>
            {onSelect && (
              <th className="tg-narrow" scope="col">
                <Checkbox size="xs" aria-label={t("ui.select_all")} checked={every} indeterminate={!every && !!selected?.size} onChange={() => onSelect(every ? new Set() : new Set(rows.map(keyOf)))} />
              </th>
            )}
            {columns.map((c) => (
              <th key={c.label} scope="col" className={classOf(c)}>
                {c.label.includes(".") ? t(c.label) : c.label}
              </th>
            ))}
            {actions && (
              <th className="tg-narrow" scope="col">
                <VisuallyHidden>{t("ui.actions")}</VisuallyHidden>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Gap width={width} height={above} />}
          {items.map(({ index }) => {
            const row = rows[index];
            if (row === undefined) return null;
            const key = keyOf(row);
            return <Row key={key} of={row} id={key} at={index + 2} columns={columns} actions={actions} selected={onSelect && (selected?.has(key) ?? false)} toggle={toggle} />;
          })}
          {below > 0 && <Gap width={width} height={below} />}
        </tbody>
      </table>
      {rows.length === 0 && empty}
    </div>
  );
}

interface RowProps<T> {
  of: T;
  id: string | number;
  at: number; // aria-rowindex
  columns: Column<T>[];
  actions?: (row: T) => ReactNode;
  selected?: boolean; // undefined: nothing can be selected
  toggle: (id: string | number) => void;
}

// A list that changes several times a second draws those rows only that changed.
const Row = memo(function Row<T>({ of, id, at, columns, actions, selected, toggle }: RowProps<T>) {
  const { t } = useTranslation();
  return (
    <tr aria-rowindex={at} data-selected={selected || undefined}>
      {selected !== undefined && (
        <td className="tg-narrow">
          <Checkbox size="xs" aria-label={t("ui.select")} checked={selected} onChange={() => toggle(id)} />
        </td>
      )}
      {columns.map((c) => (
        <td key={c.label} className={classOf(c)}>
          {c.render(of)}
        </td>
      ))}
      {actions && <td className="tg-narrow tg-right">{actions(of)}</td>}
    </tr>
  );
}) as <T>(props: RowProps<T>) => ReactNode;

function Gap({ width, height }: { width: number; height: number }) {
  return (
    <tr className="tg-gap" aria-hidden>
      <td colSpan={width} style={{ height }} />
    </tr>
  );
}

function classOf(c: { right?: boolean; narrow?: boolean }): string {
  return [c.right ? "tg-right" : "", c.narrow ? "tg-narrow" : ""].join(" ").trim();
}
