// Which columns of a table are shown: chosen by each person, and kept by his browser.

import { Button, Checkbox, Menu } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "./DataTable";

/** A column that can be taken off; rare ones are off until somebody wants them. */
export type Choosable<T> = Column<T> & { fixed?: boolean; rare?: boolean };

type Choice = Record<string, boolean>;

/** Reads what was kept; what is none is as if nothing had been. */
export function choiceOf(text: string | null): Choice {
  try {
    const kept: unknown = JSON.parse(text ?? "{}");
    if (typeof kept !== "object" || kept === null || Array.isArray(kept)) return {};
    return Object.fromEntries(Object.entries(kept).filter((e): e is [string, boolean] => typeof e[1] === "boolean"));
  } catch {
    return {};
  }
}

export function isShown<T>(column: Choosable<T>, choice: Choice): boolean {
  return !!column.fixed || (choice[column.label] ?? !column.rare);
}

/** The columns with those hidden that are not wanted, and the menu that chooses. */
export function useColumnChoice<T>(table: string, columns: Choosable<T>[]): { shown: Column<T>[]; chooser: React.ReactNode } {
  const key = `tollgate-columns-${table}`;
  const [choice, setChoice] = useState<Choice>(() => choiceOf(localStorage.getItem(key)));
  const choose = useCallback(
    (label: string, on: boolean) =>
      setChoice((was) => {
        const next = { ...was, [label]: on };
        localStorage.setItem(key, JSON.stringify(next));
        return next;
      }),
    [key],
  );
  const shown = useMemo(() => columns.map((c) => (isShown(c, choice) ? c : { ...c, hidden: true })), [columns, choice]);
  return { shown, chooser: <Chooser columns={columns} choice={choice} choose={choose} /> };
}

function Chooser<T>({ columns, choice, choose }: { columns: Choosable<T>[]; choice: Choice; choose: (label: string, on: boolean) => void }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end" closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconColumns3 size={15} />}>{t("ui.columns")}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {columns.filter((c) => !c.fixed && !c.hidden).map((c) => {
          const on = isShown(c, choice);
          return (
            <Menu.Item key={c.label} role="menuitemcheckbox" aria-checked={on} onClick={() => choose(c.label, !on)} leftSection={<Checkbox size="xs" checked={on} readOnly tabIndex={-1} aria-hidden styles={{ input: { pointerEvents: "none" } }} />}>
              {t(c.label)}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
