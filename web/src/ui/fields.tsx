// The fields of forms, bound by name. See Form.

import { Autocomplete, Checkbox, Group, Input, MultiSelect, NumberInput, PasswordInput, SegmentedControl, Select, Switch, TagsInput, TextInput, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Query } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { useField } from "./Form";
import { secondsOf } from "~/look/When";

interface Basic {
  name: string;
  label?: string;
  required?: boolean;
  disabled?: boolean;
  placeholder?: string;
  mono?: boolean;
}

type Field = Pick<ReturnType<typeof useField>, "label" | "help" | "error" | "readOnly">;

function common(f: Field, { label, required, disabled, placeholder }: Basic) {
  return { label: label ?? f.label, description: f.help, error: f.error, withAsterisk: required, disabled, readOnly: f.readOnly, placeholder };
}

const code = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

export function TextField(props: Basic & { autoFocus?: boolean }) {
  const f = useField<string>(props.name);
  return <TextInput {...common(f, props)} value={f.value ?? ""} onChange={(e) => f.set(e.currentTarget.value)} data-autofocus={props.autoFocus || undefined}
    styles={props.mono ? code : undefined} autoComplete="off" spellCheck={false} />;
}

export function LongTextField(props: Basic & { rows?: number }) {
  const f = useField<string>(props.name);
  return <Textarea {...common(f, props)} value={f.value ?? ""} onChange={(e) => f.set(e.currentTarget.value)} rows={props.rows ?? 3} styles={props.mono ? code : undefined} />;
}

export function NumberField(props: Basic & { min?: number; max?: number; suffix?: string; empty?: boolean }) {
  const f = useField<number>(props.name);
  return (
    <NumberInput {...common(f, props)} value={f.value ?? ""} min={props.min ?? 0} max={props.max} suffix={props.suffix} allowDecimal={false} maw={220}
      onChange={(v) => f.set(v === "" ? (props.empty ? null : 0) : Number(v))} />
  );
}

/** A limit: 0 is "unlimited", and says so. */
export function LimitField(props: Basic & { max?: number }) {
  const { t } = useTranslation();
  const f = useField<number>(props.name);
  const limited = (f.value ?? 0) > 0;
  const [last, setLast] = useState(f.value || 10);
  return (
    <NumberInput {...common(f, props)} value={limited ? f.value : ""} placeholder={t("ui.unlimited")} min={1} max={props.max} allowDecimal={false} styles={{ wrapper: { width: 220 } }}
      onChange={(v) => (f.set(Number(v) || 0), Number(v) && setLast(Number(v)))}
      inputContainer={(input) => (
        <Group gap="sm">
          {input}
          <Checkbox label={t("ui.unlimited")} checked={!limited} disabled={props.disabled || f.readOnly} onChange={(e) => f.set(e.currentTarget.checked ? 0 : last)} />
        </Group>
      )} />
  );
}

export function SwitchField(props: Basic) {
  const f = useField<boolean>(props.name);
  return (
    <Switch label={props.label ?? f.label} description={f.help} error={f.error} disabled={props.disabled || f.readOnly} checked={f.value ?? false} onChange={(e) => f.set(e.currentTarget.checked)} />
  );
}

/** On, off, or as it is: for many at once. */
export function OnOffField(props: Basic) {
  const { t } = useTranslation();
  const f = useField<boolean>(props.name);
  return (
    <Input.Wrapper label={props.label ?? f.label} description={f.help} error={f.error}>
      <SegmentedControl display="flex" w="fit-content" mt={4} aria-label={props.label ?? f.label} value={f.value === undefined ? "" : String(f.value)} onChange={(v) => f.set(v === "" ? (undefined as never) : v === "true")}
        data={[{ value: "", label: t("ui.as_it_is") }, { value: "true", label: t("ui.on") }, { value: "false", label: t("ui.off") }]} />
    </Input.Wrapper>
  );
}

/** One of a few values, whose texts are <ns>.option.<name>.<value>, "none" for "". */
export function SelectField(props: Basic & { values: readonly string[]; plain?: boolean }) {
  const f = useField<string>(props.name);
  return (
    <Select {...common(f, props)} value={f.value ?? (props.values.includes("") ? "" : null)} allowDeselect={false} maw={340} checkIconPosition="right"
      data={props.values.map((value) => ({ value, label: props.plain ? value : f.option(value) }))} onChange={(v) => f.set(v ?? "")} />
  );
}

/** Several of a few values, in the order in which they are chosen. */
export function ChoicesField(props: Basic & { values: readonly string[] }) {
  const f = useField<string[]>(props.name);
  return <MultiSelect {...common(f, props)} value={f.value ?? []} data={[...props.values]} onChange={(v) => f.set(v)} searchable hidePickedOptions />;
}

/** A list of texts: addresses, numbers. Enter or a comma ends one; a pasted list is taken apart. */
export function ListField(props: Basic) {
  const f = useField<string[]>(props.name);
  return <TagsInput {...common(f, props)} value={f.value ?? []} onChange={(v) => f.set(v)} splitChars={[",", ";", " ", "\n"]} acceptValueOnBlur styles={props.mono ? code : undefined} />;
}

export const codecs = ["PCMU", "PCMA", "G722", "G729", "G723", "G726-32", "GSM", "iLBC", "AMR", "AMR-WB", "opus", "speex", "L16", "telephone-event"];

export function CodecsField(props: Basic) {
  return <ChoicesField {...props} values={codecs} />;
}

/** A span as the API writes it: 5s, 2m, 12h. */
export function SpanField(props: Basic & { offers?: string[] }) {
  const { t } = useTranslation();
  const f = useField<string>(props.name);
  const wrong = f.value && Number.isNaN(secondsOf(f.value)) ? t("ui.span_wrong") : undefined;
  return <Autocomplete {...common(f, props)} error={f.error ?? wrong} value={f.value ?? ""} data={props.offers} filter={({ options }) => options} onChange={(v) => f.set(v)} maw={220} />;
}

/** A password to set: write-only, so it is empty until it is typed. */
export function SecretField(props: Basic) {
  const { t } = useTranslation();
  const f = useField<string>(props.name);
  return (
    <PasswordInput {...common(f, props)} value={f.value ?? ""} onChange={(e) => f.set(e.currentTarget.value || (undefined as never))} autoComplete="new-password"
      visibilityToggleButtonProps={{ "aria-label": t("session.show_password"), tabIndex: 0, "aria-hidden": false }} />
  );
}

interface Named {
  id: number;
  name?: string;
  username?: string;
}

const nameOf = (item: Named): string => item.name ?? item.username ?? String(item.id);

/** The id of another noun, found by typing: <RefField name="customer_id" path="customers" />. */
export function RefField(props: Basic & { path: string; query?: Query; none?: string; onPick?: () => void }) {
  const { t } = useTranslation();
  const f = useField<number>(props.name);
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text, 200);
  const current = useItem<Named>(props.path, f.value || undefined);
  const chosen = current.data && f.value ? { value: String(f.value), label: nameOf(current.data.body) } : undefined;
  const list = useItems<Named>(props.path, { ...props.query, q: chosen && text === chosen.label ? "" : q, limit: 50 }, { enabled: !f.readOnly });
  const found = (list.data ?? []).map((item) => ({ value: String(item.id), label: nameOf(item) }));
  const data = [...(chosen && !found.some((o) => o.value === chosen.value) ? [chosen] : []), ...found];
  return (
    <Select {...common(f, props)} value={f.value ? String(f.value) : null} data={data} searchable searchValue={text} onSearchChange={setText} clearable={!props.required}
      filter={({ options }) => options} nothingFoundMessage={t("ui.nothing")} placeholder={props.none ?? t("ui.choose")} maw={420}
      onChange={(v) => (f.set(v ? Number(v) : (0 as never)), props.onPick?.())} />
  );
}
