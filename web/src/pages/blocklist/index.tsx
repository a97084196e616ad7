// Prefixes that may not be called: 100,000 of them, paged; from and to CSV.

import { Alert, Button, Checkbox, Code, FileButton, Group, List, Modal, Stack, Text, Textarea } from "@mantine/core";
import { IconDownload, IconUpload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { say } from "~/ui/notice";
import { ResourcePage } from "~/ui/ResourcePage";
import { When } from "~/ui/When";
import { WireText } from "~/ui/WireText";
import { RefField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { HitCount, HitsOf } from "../firewall/Hits";
import { saveAs } from "../firewall/Save";
import { toCSV } from "../firewall/csv";
import { DomainField } from "./DomainField";
import { hasHead, headed } from "./headed";

type Entry = Schemas["BlocklistEntry"];

const blocklist: Resource<Entry> = {
  ns: "blocklist",
  path: "blocklist",
  nameOf: (e) => e.prefix,
  columns: [
    { label: "blocklist.field.prefix", render: (e) => <WireText>{e.prefix}</WireText> },
    { label: "blocklist.field.domain", render: (e) => <Domain name={e.domain} /> },
    { label: "blocklist.field.customer_id", render: (e) => <CustomerName id={e.customer_id} name={e.customer} /> },
    { label: "blocklist.hits", render: (e) => <HitCount hits={e.hits} />, right: true, narrow: true },
    { label: "firewall.last_hit", render: (e) => <When at={e.last_hit} />, narrow: true },
  ],
  Fields: ({ creating }) => <Fields creating={creating} />,
  Beside: ({ item }) => <HitsOf rule={item} />,
};

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="prefix" required autoFocus mono placeholder="00882" />
      <DomainField name="domain" />
    </Stack>
  );
}

function Domain({ name }: { name: string }) {
  const { t } = useTranslation();
  return name ? <WireText>{name}</WireText> : <Text span size="sm" c="dimmed">{t("blocklist.all_calls")}</Text>;
}

export default function Blocklist() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [importing, setImporting] = useState(false);
  const actions = customer !== undefined && (
    <>
      {write && <Button variant="default" leftSection={<IconUpload size={15} />} onClick={() => setImporting(true)}>{t("blocklist.import")}</Button>}
      <Export customer={customer} />
    </>
  );
  return (
    <>
      <ResourcePage resource={{ ...blocklist, pageActions: actions }} />
      {importing && customer !== undefined && <Import customer={customer} onClose={() => setImporting(false)} />}
    </>
  );
}

/** All entries as the CSV that the import takes. */
function Export({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const run = useMutation({
    mutationFn: async () => {
      const rows = [["prefix", "domain"]];
      for (let cursor: string | undefined = ""; cursor !== undefined; ) {
        const { body }: { body: Schemas["PageBlocklistEntry"] } = await call("GET", "/blocklist", { query: { customer, limit: 1000, cursor } });
        for (const e of body.items) rows.push([e.prefix, e.domain]);
        cursor = body.next || undefined;
      }
      saveAs(toCSV(rows), `blocklist-${customer}.csv`, "text/csv");
    },
  });
  return (
    <Button variant="default" leftSection={<IconDownload size={15} />} loading={run.isPending} c={run.isError ? "var(--mantine-color-error)" : undefined} title={run.error ? asProblem(run.error).message : undefined} onClick={() => run.mutate()}>
      {t("blocklist.export")}
    </Button>
  );
}

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

function Import({ customer, onClose }: { customer: number; onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [skip, setSkip] = useState(false);
  const [looked, setLooked] = useState<Schemas["ImportResult"]>();
  const send = useMutation({
    mutationFn: async (dry: boolean) =>
      (await call<Schemas["ImportResult"]>("POST", "/import/blocklist", { query: { customer, dry_run: dry, skip_bad: skip }, body: headed(text), headers: { "Content-Type": "text/csv" } })).body,
    onSuccess: async (result) => {
      if (result.dry_run) return setLooked(result);
      await refresh("blocklist", "audit");
      void say(t("blocklist.imported", { count: result.changes.length }));
      onClose();
    },
  });
  const change = (value: string) => {
    setText(value);
    setLooked(undefined);
    send.reset();
  };
  const problem = send.error ? asProblem(send.error) : undefined;
  const above = hasHead(text) ? 0 : 1;
  return (
    <Modal opened onClose={onClose} size="lg" title={t("blocklist.import")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">{t("blocklist.import_text")} <Code>prefix,domain</Code></Text>
        <Group>
          <FileButton accept=".csv,text/csv,text/plain" onChange={(file) => void file?.text().then(change)}>
            {(props) => <Button {...props} variant="default" size="xs">{t("blocklist.file")}</Button>}
          </FileButton>
          <Checkbox label={t("blocklist.skip_bad")} checked={skip} onChange={(e) => (setSkip(e.currentTarget.checked), setLooked(undefined), send.reset())} />
        </Group>
        <Textarea label={t("firewall.text")} value={text} onChange={(e) => change(e.currentTarget.value)} rows={10} styles={mono} spellCheck={false} placeholder={"prefix,domain\n00882,\n040,acme.example"} />
        {problem && <Alert color="red" py="xs"><Faults faults={problem.faults} message={problem.message} above={above} /></Alert>}
        {looked && (
          <Alert color={looked.changes.length ? "yellow" : "green"} py="xs" title={t("blocklist.would", { count: looked.changes.length, lines: looked.lines })}>
            {looked.skipped.length > 0 && <Faults faults={looked.skipped} message="" above={above} />}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
          {looked?.changes.length ? (
            <Button loading={send.isPending} onClick={() => send.mutate(false)}>{t("blocklist.take", { count: looked.changes.length })}</Button>
          ) : (
            <Button loading={send.isPending} disabled={text.trim() === ""} onClick={() => send.mutate(true)}>{t("firewall.look_first")}</Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

const mostFaults = 12;

/** above: how many lines of what was sent stand above what was typed. */
function Faults({ faults, message, above }: { faults: { line?: number; message: string; want?: string }[]; message: string; above: number }) {
  const { t } = useTranslation();
  if (faults.length === 0) return <>{message}</>;
  return (
    <List size="sm">
      {faults.slice(0, mostFaults).map((f, i) => <List.Item key={i}>{f.line ? `${t("firewall.line", { line: f.line - above })}: ` : ""}{sentence({ code: "", ...f })}</List.Item>)}
      {faults.length > mostFaults && <List.Item>{t("ui.and_more", { count: faults.length - mostFaults })}</List.Item>}
    </List>
  );
}
