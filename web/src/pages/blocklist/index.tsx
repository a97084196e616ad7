// Prefixes that may not be called: 100,000 of them, paged; from and to CSV.

import { Badge, Button, Stack, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { readAll } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { ImportButton, type ImportKind } from "~/ui/ImportDialog";
import { ResourcePage } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { RefField, SelectField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { HitCount, HitsOf } from "../firewall/Hits";
import { Preview } from "../firewall/Preview";
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
    { label: "blocklist.field.prefix", render: (e) => <Prefix entry={e} /> },
    { label: "blocklist.field.domain", render: (e) => <Domain name={e.domain} /> },
    { label: "blocklist.field.customer_id", render: (e) => <CustomerName id={e.customer_id} name={e.customer} /> },
    { label: "blocklist.hits", render: (e) => <HitCount hits={e.hits} />, right: true, narrow: true },
    { label: "firewall.last_hit", render: (e) => <When at={e.last_hit} />, narrow: true },
  ],
  fresh: (customer) => ({ customer_id: customer ?? 0, mode: "enforce" }),
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => <SelectField name="mode" values={["enforce", "monitor"]} />,
  Beside: ({ item }) => <HitsOf rule={item} />,
};

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="prefix" required autoFocus mono placeholder="00882" />
      <DomainField name="domain" />
      <SelectField name="mode" values={["enforce", "monitor"]} />
      <Preview kind="blocklist" />
    </Stack>
  );
}

function Prefix({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  return <><WireText>{entry.prefix}</WireText> {entry.mode === "monitor" && <Badge color="yellow">{t("firewall.monitor")}</Badge>}</>;
}

function Domain({ name }: { name: string }) {
  const { t } = useTranslation();
  return name ? <WireText>{name}</WireText> : <Text span size="sm" c="dimmed">{t("blocklist.all_calls")}</Text>;
}

const csv: ImportKind = {
  preset: "blocklist",
  path: "blocklist",
  columns: "prefix,domain,mode",
  example: "prefix,domain\n00882,\n040,acme.example",
  headed: (text) => ({ text: headed(text), above: hasHead(text) ? 0 : 1 }),
};

export default function Blocklist() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const actions = customer !== undefined && (
    <>
      {write && <ImportButton kind={csv} title={t("blocklist.import_title")} note={t("blocklist.import_text")} customer={customer} />}
      <Export customer={customer} />
    </>
  );
  return <ResourcePage resource={{ ...blocklist, pageActions: actions }} />;
}

/** All entries as the CSV that the import takes. */
function Export({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const run = useMutation({
    mutationFn: async () => {
      const rows = [["prefix", "domain", "mode"]];
      for (const e of await readAll<Entry>("blocklist", { customer }, undefined)) rows.push([e.prefix, e.domain, e.mode]);
      saveAs(toCSV(rows), `blocklist-${customer}.csv`, "text/csv");
    },
  });
  return (
    <Button variant="default" leftSection={<IconDownload size={15} />} loading={run.isPending} c={run.isError ? "var(--mantine-color-error)" : undefined} title={run.error ? asProblem(run.error).message : undefined} onClick={() => run.mutate()}>
      {t("blocklist.export")}
    </Button>
  );
}
