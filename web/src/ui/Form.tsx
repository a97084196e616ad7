// A form over one noun. Fields take their value, their fault, their label and their help by their name, the
// path of the field in the API: <TextField name="timers.invite" /> is labelled by <ns>.field.timers.invite and helped
// by <ns>.help.timers.invite.

import { Alert, List, Stack, Text } from "@mantine/core";
import { type ReactNode, createContext, useContext, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { type Problem, sentence } from "~/api/problem";
import { type Draft, valueAt, withValue } from "./draft";

interface Value {
  ns: string;
  draft: Draft;
  set: (path: string, value: unknown) => void;
  problem?: Problem;
  readOnly: boolean;
  shown: Set<string>;
}

const Context = createContext<Value | null>(null);

interface Props {
  ns: string;
  draft: Draft;
  onChange: (draft: Draft) => void;
  problem?: Problem;
  readOnly?: boolean;
  children: ReactNode;
}

export function Form({ ns, draft, onChange, problem, readOnly = false, children }: Props) {
  const shown = useRef(new Set<string>()).current;
  const latest = useRef(draft);
  latest.current = draft;
  const value = useMemo<Value>(
    () => ({
      ns, draft, problem, readOnly, shown,
      set: (path, v) => {
        latest.current = withValue(latest.current, path, v);
        onChange(latest.current);
      },
    }),
    [ns, draft, problem, readOnly, onChange, shown],
  );
  return (
    <Context.Provider value={value}>
      {problem && <Faults problem={problem} shown={shown} />}
      <Stack gap="sm">{children}</Stack>
    </Context.Provider>
  );
}

/** What is wrong and belongs to no field of the form, and how many fields are marked. */
function Faults({ problem, shown }: { problem: Problem; shown: Set<string> }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const rest = problem.besides(shown);
  const marked = problem.faults.length - rest.length;
  useEffect(() => {
    void box.current?.scrollIntoView({ block: "nearest" });
  }, [problem]);
  return (
    <Alert ref={box} color="red" mb="md" role="alert">
      {rest.length > 0 ? (
        <List size="sm">
          {rest.map((f, i) => (
            <List.Item key={i}>
              {f.field ? `${f.field}: ` : ""}
              {sentence(f)}
            </List.Item>
          ))}
        </List>
      ) : (
        <Text size="sm">{marked > 0 ? t("ui.fields_marked", { count: marked }) : problem.message}</Text>
      )}
    </Alert>
  );
}

/** One field: what it shows and how it changes. For fields of your own. */
export function useField<T>(name: string) {
  const form = useContext(Context);
  if (!form) throw new Error(`field ${name} is outside of a Form`);
  const { t, i18n } = useTranslation();
  const { ns, draft, set, problem, readOnly, shown } = form;
  useEffect(() => {
    shown.add(name);
    return () => void shown.delete(name);
  }, [name, shown]);
  const help = `${ns}.help.${name}`;
  return {
    value: valueAt(draft, name) as T | undefined,
    set: (value: T | null) => set(name, value),
    error: problem?.at(name),
    /** What is wrong in all of the form, for fields that have parts of their own. */
    problem,
    label: t(`${ns}.field.${name}`),
    help: i18n.exists(help) ? t(help) : undefined,
    option: (value: string) => t(`${ns}.option.${name}.${value || "none"}`),
    readOnly,
  };
}

/** All that is typed: for fields that depend on others. */
export function useDraft<T = Draft>(): T {
  const form = useContext(Context);
  if (!form) throw new Error("outside of a Form");
  return form.draft as T;
}

/** A group of fields with a title and, where it needs one, a sentence on what it is about. */
export function Section({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <fieldset className="tg-section">
      <legend>
        {title}
        {text && (
          <Text size="sm" c="dimmed" fw={400}>
            {text}
          </Text>
        )}
      </legend>
      <Stack gap="sm" pt="xs">
        {children}
      </Stack>
    </fieldset>
  );
}
