// Firewall rules: the first that matches decides, so with a customer chosen they stand in the order in which they are tried.

import { Badge, Box, Button, Group, SegmentedControl, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconDownload, IconPlus, IconUpload } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { readAll, useItem } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { Empty } from "~/ui/Empty";
import { Section } from "~/ui/Form";
import { Page } from "~/ui/Page";
import { ResourceEditor } from "~/ui/ResourceEditor";
import { ResourceList } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { NumberField, SelectField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { useUrl } from "~/url";
import { Condition } from "./Condition";
import { HeaderFields, firewallHeaders } from "./HeaderFields";
import { HitCount, HitsOf } from "./Hits";
import { InOrder } from "./InOrder";
import { Preview } from "./Preview";
import { inOrder } from "./order";
import { Export, Import } from "./Transfer";

type Rule = Schemas["FirewallRule"];

const rules: Resource<Rule> = {
  ns: "firewall",
  path: "firewall-rules",
  nameOf: (r) => r.name,
  every: 10,
  columns: [
    { label: "firewall.field.name", render: (r) => <WireText>{r.name}</WireText> },
    { label: "firewall.field.customer_id", render: (r) => <CustomerName id={r.customer_id} name={r.customer} /> },
    { label: "firewall.what", render: (r) => <Condition rule={r} /> },
    { label: "firewall.field.action", render: (r) => <Action rule={r} />, narrow: true },
    { label: "firewall.field.priority", render: (r) => r.priority, right: true, narrow: true },
    { label: "firewall.hits", render: (r) => <HitCount hits={r.hits} />, right: true, narrow: true },
    { label: "firewall.last_hit", render: (r) => <When at={r.last_hit} />, narrow: true },
  ],
  fresh: (customer) => ({ customer_id: customer ?? 0, header: "user-agent", action: "drop", mode: "monitor" }),
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => (
    <>
      <SelectField name="mode" values={["enforce", "monitor"]} />
      <SelectField name="action" values={["accept", "drop"]} />
      <NumberField name="priority" max={65535} />
    </>
  ),
  Beside: ({ item }) => <HitsOf rule={item} />,
};

function Fields({ creating }: { creating: boolean }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <HeaderFields creating={creating} headers={firewallHeaders} />
      <Section title={t("firewall.section_action")}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <SelectField name="action" values={["accept", "drop"]} />
          <SelectField name="mode" values={["enforce", "monitor"]} />
        </SimpleGrid>
        <Preview kind="firewall" />
      </Section>
    </Stack>
  );
}

function Action({ rule }: { rule: Rule }) {
  const { t } = useTranslation();
  return (
    <Group gap={4} wrap="nowrap">
      <Badge color={rule.action === "accept" ? "green" : "red"}>{t(`firewall.option.action.${rule.action}`)}</Badge>
      {rule.mode === "monitor" && <Badge color="yellow">{t("firewall.monitor")}</Badge>}
    </Group>
  );
}

export default function Firewall() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [url, setUrl] = useUrl();
  const ordered = customer !== undefined && url.view !== "list" && !url.q;
  const [act, setAct] = useState<"import" | "export">();
  const all = useRules(customer);
  const named = useItem<Schemas["Customer"]>("customers", customer);
  const { write } = useMay();
  const name = named.data?.body.name ?? "";
  return (
    <Page title={t("firewall.title")} note={t("firewall.note")} actions={
      customer !== undefined && (
        <>
          {write && <Button variant="default" leftSection={<IconUpload size={15} />} onClick={() => setAct("import")}>{t("firewall.import")}</Button>}
          <Button variant="default" leftSection={<IconDownload size={15} />} disabled={!all.data} onClick={() => setAct("export")}>{t("firewall.export")}</Button>
        </>
      )
    }>
      {customer !== undefined && (
        <Group mb="sm" justify="space-between">
          <SegmentedControl size="sm" aria-label={t("firewall.view")} value={ordered ? "order" : "list"} onChange={(v) => setUrl({ view: v === "list" ? "list" : undefined, q: undefined })}
            data={[{ value: "order", label: t("firewall.view_order") }, { value: "list", label: t("firewall.view_list") }]} />
          {ordered && write && <AddButton />}
        </Group>
      )}
      {ordered ? <Ordered customer={customer} /> : <ResourceList resource={rules} height="calc(100dvh - 240px)" />}
      {act === "export" && all.data && <Export customer={name} rules={all.data} onClose={() => setAct(undefined)} />}
      {act === "import" && name && <Import customer={name} onClose={() => setAct(undefined)} />}
    </Page>
  );
}

function AddButton() {
  const { t } = useTranslation();
  const [, setUrl] = useUrl();
  return <Button leftSection={<IconPlus size={16} />} onClick={() => setUrl({ edit: "new" })}>{t("firewall.add")}</Button>;
}

/** All rules of a customer in the order in which they are tried. */
function useRules(customer: number | undefined) {
  return useQuery({
    queryKey: ["noun", "firewall-rules", "ordered", customer],
    queryFn: async ({ signal }) => inOrder(await readAll<Rule>("firewall-rules", { customer }, signal)),
    enabled: customer !== undefined,
    refetchInterval: 10_000,
  });
}

/** What stands under what, in the order view. */
function Heads() {
  const { t } = useTranslation();
  return (
    <Group gap="sm" px="sm" py={6} wrap="nowrap" aria-hidden style={{ position: "sticky", top: 0, zIndex: 2, background: "var(--tg-ground)", borderBottom: "1px solid var(--tg-line)", fontWeight: 600 }} fz="xs" c="dimmed">
      <Box w={20} />
      <Box w={24} />
      <Box w={190} flex="none">{t("firewall.field.name")}</Box>
      <Box flex={1}>{t("firewall.what")}</Box>
      <Box>{t("firewall.field.action")}</Box>
      <Box w={70} ta="right">{t("firewall.hits")}</Box>
      <Box w={90} ta="right">{t("firewall.last_hit")}</Box>
    </Group>
  );
}

function Ordered({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const [url, setUrl] = useUrl();
  const all = useRules(customer);
  const order = useMutation({
    mutationFn: (ids: number[]) => call("PUT", "/firewall-rules/order", { body: { customer_id: customer, ids } }),
    onSettled: () => refresh("firewall-rules"),
  });
  const add = write && <AddButton />;
  if (all.isPending) return <Waiting />;
  if (all.isError) return <Failed error={all.error} reset={() => void all.refetch()} />;
  return (
    <>
      {order.isError && <Failed error={order.error} />}
      {all.data.length === 0 ? <Empty title={t("firewall.empty")} text={t("firewall.empty_text")}>{add}</Empty> : (
        <>
          <div className="tg-table-box" style={{ maxHeight: "calc(100dvh - 210px)" }} tabIndex={0} role="region" aria-label={t("firewall.title")}>
            <Heads />
            <InOrder label={t("firewall.title")} items={all.data} onOrder={write ? order.mutateAsync : undefined}>
              {(rule, place, grip) => (
                <Group gap="sm" px="sm" py={7} wrap="nowrap" style={{ borderBottom: "1px solid var(--tg-line)" }}>
                  {grip}
                  <Text size="sm" c="dimmed" w={24} ta="right">{place}</Text>
                  <button type="button" className="tg-link" style={{ width: 190, flex: "none", overflow: "hidden", textOverflow: "ellipsis" }} onClick={() => setUrl({ edit: String(rule.id) })}>
                    <WireText>{rule.name}</WireText>
                  </button>
                  <Text size="sm" flex={1} truncate component="div"><Condition rule={rule} /></Text>
                  <Action rule={rule} />
                  <Text size="sm" w={70} ta="right" component="div"><HitCount hits={rule.hits} /></Text>
                  <Text size="sm" w={90} ta="right" c="dimmed" component="div"><When at={rule.last_hit} /></Text>
                </Group>
              )}
            </InOrder>
            <Group gap="sm" px="sm" py={9}>
              <Text size="sm" c="dimmed">{t("firewall.else")}</Text>
            </Group>
          </div>
        </>
      )}
      {url.edit && <ResourceEditor key={url.edit} resource={rules} id={url.edit} readOnly={!write} onClose={() => setUrl({ edit: undefined })} />}
    </>
  );
}
