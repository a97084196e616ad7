// All firewall rules of a customer as a text: copied, kept, changed in an editor, and put back, all or nothing.

import { Alert, Button, Code, Group, List, Modal, SegmentedControl, Stack, Text, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { say } from "~/ui/notice";
import { Save } from "./Save";
import { NotRules, columns, rulesOfCSV, toCSV, yamlOf } from "./csv";

type Rule = Schemas["FirewallRule"];
type Form = "yaml" | "csv";

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

function textOf(form: Form, customer: string, rules: Rule[]): string {
  const rows = rules.map((r) => Object.fromEntries(columns.map((c) => [c, String(r[c])])));
  return form === "yaml" ? yamlOf(customer, rows) : toCSV([[...columns], ...rows.map((row) => columns.map((c) => row[c] ?? ""))]);
}

/** rules stand in their order. */
export function Export({ customer, rules, onClose }: { customer: string; rules: Rule[]; onClose: () => void }) {
  const { t } = useTranslation();
  const [form, setForm] = useState<Form>("yaml");
  const text = useMemo(() => textOf(form, customer, rules), [form, customer, rules]);
  return (
    <Modal opened onClose={onClose} size="xl" title={t("firewall.export")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="sm">
        <FormChoice form={form} onChange={setForm} />
        <Textarea aria-label={t("firewall.export")} value={text} readOnly rows={16} styles={mono} />
        <Group justify="flex-end">
          <Save text={text} name={`firewall-${customer}.${form}`} type={form === "yaml" ? "application/yaml" : "text/csv"} />
        </Group>
      </Stack>
    </Modal>
  );
}

function FormChoice({ form, onChange }: { form: Form; onChange: (form: Form) => void }) {
  const { t } = useTranslation();
  return (
    <SegmentedControl aria-label={t("firewall.form")} value={form} onChange={(v) => onChange(v as Form)} data={[{ value: "yaml", label: "YAML" }, { value: "csv", label: "CSV" }]} style={{ alignSelf: "start" }} />
  );
}

export function Import({ customer, onClose }: { customer: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [form, setForm] = useState<Form>("csv");
  const [text, setText] = useState("");
  const [looked, setLooked] = useState<Schemas["ApplyResult"]>();
  const send = useMutation({
    mutationFn: async (dry: boolean) =>
      (await call<Schemas["ApplyResult"]>("POST", "/apply", {
        query: { dry_run: dry, file: `firewall.${form}`, overwrite: true },
        body: form === "csv" ? yamlOf(customer, rulesOfCSV(text)) : text,
        headers: { "Content-Type": "application/yaml" },
      })).body,
    onSuccess: async (result) => {
      if (result.dry_run) return setLooked(result);
      await refresh("firewall-rules", "audit");
      void say(t("firewall.imported", { count: result.changes.length }));
      onClose();
    },
  });
  const change = (value: string) => {
    setText(value);
    setLooked(undefined);
    send.reset();
  };
  return (
    <Modal opened onClose={onClose} size="xl" title={t("firewall.import")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="sm">
        <FormChoice form={form} onChange={(f) => (setForm(f), change(text))} />
        <Text size="sm" c="dimmed">
          {t(form === "csv" ? "firewall.import_csv" : "firewall.import_yaml", { name: customer })} {form === "csv" && <Code>{columns.join(",")}</Code>}
        </Text>
        <Textarea label={t("firewall.text")} value={text} onChange={(e) => change(e.currentTarget.value)} rows={12} styles={mono} spellCheck={false} data-autofocus />
        {send.error && <Wrong error={send.error} csv={form === "csv"} />}
        {looked && <Diff result={looked} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("ui.cancel")}
          </Button>
          {!looked || looked.changes.length === 0 ? (
            <Button loading={send.isPending} disabled={text.trim() === ""} onClick={() => send.mutate(true)}>
              {t("firewall.look_first")}
            </Button>
          ) : (
            <Button color="red" loading={send.isPending} onClick={() => send.mutate(false)}>
              {t("firewall.make_so", { count: looked.changes.length })}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

function Wrong({ error, csv }: { error: unknown; csv: boolean }) {
  const { t } = useTranslation();
  if (error instanceof NotRules) return <Alert color="red" py="xs">{t(`firewall.wrong_${error.key}`, { what: error.what })}</Alert>;
  const problem = asProblem(error);
  // A rule is one line of the YAML that is sent, below three of its own; of the CSV, below one.
  const place = (line?: number) => (line === undefined ? "" : `${t("firewall.line", { line: csv ? line - 2 : line })}: `);
  return (
    <Alert color="red" py="xs">
      {problem.faults.length === 0 ? problem.message : (
        <List size="sm">
          {problem.faults.slice(0, 20).map((f, i) => <List.Item key={i}>{place(f.line)}{f.field ? `${f.field} ` : ""}{sentence(f)}</List.Item>)}
        </List>
      )}
    </Alert>
  );
}

function Diff({ result }: { result: Schemas["ApplyResult"] }) {
  const { t } = useTranslation();
  return (
    <Alert color={result.changes.length ? "yellow" : "green"} py="xs" title={t("firewall.would_change", { count: result.changes.length })}>
      <Text component="pre" size="xs" ff="monospace" m={0} mah={220} style={{ overflow: "auto", whiteSpace: "pre-wrap" }}>{result.diff}</Text>
    </Alert>
  );
}
