// Destinations and their groups, for the pages that list them.

import { ActionIcon, Alert, Box, Group, Input, NumberInput, SegmentedControl, Stack, Text, Tooltip } from "@mantine/core";
import { IconInfoSquareRounded, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { useDraft, useField } from "~/ui/Form";
import { HowToSetUp } from "~/ui/HowToSetUp";
import { say } from "~/ui/notice";
import { WireText } from "~/ui/WireText";
import { NumberField, RefField, SelectField, SwitchField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { HeaderSection } from "../switches/HeaderEdits";
import { StateBadge, addressOf } from "./State";

type Destination = Schemas["Destination"];
type Group_ = Schemas["DestinationGroup"];

const protocols = ["udp", "tcp", "tls", "tls+srtp"];

export const destinations: Resource<Destination> = {
  ns: "destinations",
  path: "destinations",
  nameOf: (d) => d.name,
  every: 10,
  columns: [
    { label: "destinations.field.name", render: (d) => <WireText>{d.name}</WireText> },
    { label: "destinations.field.customer_id", render: (d) => <CustomerName id={d.customer_id} name={d.customer} /> },
    { label: "destinations.where", render: (d) => (d.switch_id ? <SwitchName id={d.switch_id} /> : <WireText tip>{addressOf(d)}</WireText>) },
    { label: "destinations.health", render: (d) => <StateBadge destination={d} details /> },
    { label: "destinations.field.group", render: (d) => d.group, right: true, narrow: true },
    { label: "destinations.field.priority", render: (d) => d.priority, right: true, narrow: true },
  ],
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => (
    <>
      <SwitchField name="disabled" />
      <NumberField name="group" min={1} max={9} />
      <NumberField name="priority" max={65535} />
    </>
  ),
  Beside: ({ item }) => <Beside item={item} />,
  size: "xl",
  rowActions: (d) => <DestinationActs destination={d} />,
};

export function SwitchName({ id }: { id: number }) {
  const item = useItem<Schemas["Switch"]>("switches", id);
  const { t } = useTranslation();
  const s = item.data?.body;
  if (!s) return null;
  return <>{t("destinations.switch")} <WireText>{s.name}</WireText></>;
}

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  const d = useDraft<Partial<Destination>>();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="name" required autoFocus />
      <Where />
      {["tls", "tls+srtp"].includes(d.protocol ?? "") && <SwitchField name="tls_verify" />}
      <GroupField />
      <NumberField name="priority" max={65535} />
      <TextField name="network" />
      <SwitchField name="class5" />
      <SwitchField name="disabled" />
      <HeaderSection through={d.switch_id || undefined} />
    </Stack>
  );
}

/** A host of its own, or a switch that has one. */
function Where() {
  const { t } = useTranslation();
  const d = useDraft<Partial<Destination>>();
  const host = useField<string>("host");
  const port = useField<number>("port");
  const protocol = useField<string>("protocol");
  const sw = useField<number>("switch_id");
  const [bySwitch, setBySwitch] = useState(!!d.switch_id);
  const choose = (yes: boolean) => {
    setBySwitch(yes);
    host.set("");
    port.set(0);
    protocol.set(yes ? "" : "udp");
    sw.set(0);
  };
  return (
    <>
      <SegmentedControl aria-label={t("destinations.where")} value={bySwitch ? "switch" : "host"} onChange={(v) => choose(v === "switch")} readOnly={host.readOnly} style={{ alignSelf: "start" }}
        data={[{ value: "host", label: t("destinations.by_host") }, { value: "switch", label: t("destinations.by_switch") }]} />
      {bySwitch ? (
        <RefField name="switch_id" path="switches" required query={{ customer: d.customer_id || undefined }} />
      ) : (
        <Group gap="sm" align="start" wrap="nowrap">
          <Box flex={1}><TextField name="host" required mono placeholder="pbx.example.com" /></Box>
          <PortField />
          <Box w={150}><SelectField name="protocol" values={protocols} /></Box>
        </Group>
      )}
    </>
  );
}

function PortField() {
  const { t } = useTranslation();
  const f = useField<number>("port");
  return <NumberInput label={t("destinations.field.port")} error={f.error} readOnly={f.readOnly} value={f.value || ""} placeholder={t("destinations.default_port")} min={1} max={65535} allowDecimal={false} w={120} onChange={(v) => f.set(Number(v) || 0)} />;
}

/** The groups that the customer has, by number and name. */
function GroupField() {
  const { customer_id } = useDraft<Partial<Destination>>();
  return <CustomerGroupField name="group" customer={customer_id} />;
}

/** Which of a customer's groups, by number. */
export function CustomerGroupField({ name, customer }: { name: string; customer: number | undefined }) {
  const { t } = useTranslation();
  const f = useField<number>(name);
  const groups = useItems<Group_>("destination-groups", { customer, limit: 20 }, { enabled: !!customer });
  const all = [...(groups.data ?? [])].sort((a, b) => a.number - b.number);
  const data = all.map((g) => ({ value: String(g.number), label: groupText(g.number, g.name) }));
  return (
    <Input.Wrapper label={f.label} labelElement="div" labelProps={{ id: "group-label" }} description={f.help} error={f.error}>
      <div>
        {data.length > 1 ? (
          <SegmentedControl mt={4} aria-labelledby="group-label" value={String(f.value ?? 1)} readOnly={f.readOnly} onChange={(v) => f.set(Number(v))} data={data} style={{ flexWrap: "wrap" }} />
        ) : (
          <Text size="sm">{t("destinations.only_group", { number: f.value ?? 1 })}</Text>
        )}
      </div>
    </Input.Wrapper>
  );
}

export const groupText = (number: number, name: string): string => (name ? `${number} ${name}` : String(number));

function Beside({ item }: { item: Destination }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>{t("destinations.health")}</Text>
      <StateBadge destination={item} details />
      {item.state.addresses.length > 0 && <Text size="sm" component="div">{t("destinations.leads_to")} {item.state.addresses.map((a) => <WireText key={a}>{a + " "}</WireText>)}</Text>}
      {item.clash && (
        <Alert color="orange" py="xs">
          <Text size="sm">{t("destinations.clash", { count: item.clash.count, customers: item.clash.customers.join(", ") })}</Text>
          <Text size="sm" component="div"><WireText>{item.clash.from}</WireText> → <WireText>{item.clash.to}</WireText></Text>
        </Alert>
      )}
    </Stack>
  );
}

/** Takes it out of use or back, and says how the other side is set up. */
export function DestinationActs({ destination: d }: { destination: Destination }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const [open, setOpen] = useState(false);
  const toggle = useMutation({
    mutationFn: () => call("PATCH", `/destinations/${d.id}`, { body: { disabled: !d.disabled } }),
    onSuccess: async () => {
      await refresh("destinations", "routing", "audit");
      void say(t(d.disabled ? "destinations.is_enabled" : "destinations.is_disabled", { name: d.name }));
    },
  });
  const verb = t(d.disabled ? "destinations.enable" : "destinations.disable", { name: d.name });
  const setup = t("ui.set_up", { name: d.name });
  return (
    <>
      {write && (
        <Tooltip label={toggle.error ? asProblem(toggle.error).message : verb} color={toggle.error ? "red" : undefined}>
          <ActionIcon variant="subtle" color="gray" c={toggle.error ? "var(--mantine-color-error)" : "dimmed"} size="sm" loading={toggle.isPending} aria-label={verb} onClick={() => toggle.mutate()}>
            {d.disabled ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
      <Tooltip label={setup}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={setup} onClick={() => setOpen(true)}>
          <IconInfoSquareRounded size={17} />
        </ActionIcon>
      </Tooltip>
      {open && <HowToSetUp path="destinations" id={d.id} name={d.name} onClose={() => setOpen(false)} />}
    </>
  );
}

export const groups: Resource<Group_> = {
  ns: "groups",
  path: "destination-groups",
  nameOf: (g) => groupText(g.number, g.name),
  columns: [
    { label: "groups.field.number", render: (g) => g.number, narrow: true },
    { label: "groups.field.name", render: (g) => g.name },
    { label: "groups.field.customer_id", render: (g) => <CustomerName id={g.customer_id} /> },
  ],
  Fields: ({ creating }) => <GroupFields creating={creating} />,
};

// texts: "groups"
function GroupFields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <NumberField name="number" required min={1} max={9} disabled={!creating} />
      <TextField name="name" />
    </Stack>
  );
}
