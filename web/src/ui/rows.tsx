// A list whose order counts, as the rows of a table in a form: how they are changed, moved and taken out.

import { ActionIcon, Group, Tooltip } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconTrash } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useField } from "./Form";

export interface Rows<T> {
  rows: T[];
  /** What is wrong with any of it, and with the list by itself. */
  error: string | undefined;
  ownError: string | undefined;
  /** What is wrong with a part of a row, such as its name. It stays with a row that is moved, and goes when that is changed. */
  errorAt: (row: T, part: string) => string | undefined;
  readOnly: boolean;
  add: (row: T) => void;
  change: (i: number, patch: Partial<T>) => void;
  move: (i: number, by: number) => void;
  remove: (i: number) => void;
}

/** The list of the form around it, by its name. */
export function useRows<T extends object>(name: string): Rows<T> {
  const { value, set, error, problem, readOnly } = useField<T[]>(name);
  const rows = value ?? [];
  // The API's faults tell rows by their places at that time.
  const [judged, setJudged] = useState({ problem, rows });
  if (judged.problem !== problem) setJudged({ problem, rows });
  return {
    rows, error, readOnly,
    ownError: problem?.at(name, false),
    errorAt: (row, part) => {
      const i = judged.rows.indexOf(row);
      return i < 0 ? undefined : problem?.at(`${name}[${i}].${part}`);
    },
    add: (row) => set([...rows, row]),
    change: (i, patch) => set(rows.map((r, j) => (j === i ? { ...r, ...patch } : r))),
    move: (i, by) => {
      const next = [...rows];
      const [row] = next.splice(i, 1);
      if (row) next.splice(i + by, 0, row);
      set(next);
    },
    remove: (i) => set(rows.filter((_, j) => j !== i)),
  };
}

/** The buttons of one row: those of its own, then up, down and away. remove: what the last one is called. */
export function RowActs<T>({ of, i, remove, children }: { of: Rows<T>; i: number; remove: string; children?: ReactNode }) {
  const { t } = useTranslation();
  if (of.readOnly) return null;
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      {children}
      <RowAct label={t("ui.up")} icon={<IconArrowUp size={15} />} disabled={i === 0} onClick={() => of.move(i, -1)} />
      <RowAct label={t("ui.down")} icon={<IconArrowDown size={15} />} disabled={i === of.rows.length - 1} onClick={() => of.move(i, 1)} />
      <RowAct label={remove} icon={<IconTrash size={15} />} onClick={() => of.remove(i)} />
    </Group>
  );
}

export function RowAct({ label, icon, disabled, onClick }: { label: string; icon: ReactNode; disabled?: boolean; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={label} disabled={disabled} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
