// IP authentication: a customer's switches, which call us or are called by us.

import { ActionIcon, Alert, Badge, Button, Group, Input, Modal, SegmentedControl, SimpleGrid, Stack, Text, Tooltip } from "@mantine/core";
import { IconArrowDownLeft, IconArrowUpRight, IconInfoSquareRounded, IconNetwork, IconTestPipe } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { Section, useDraft, useField } from "~/ui/Form";
import { HowToSetUp } from "~/ui/HowToSetUp";
import { ResourcePage } from "~/ui/ResourcePage";
import { WireText } from "~/ui/WireText";
import { CodecsField, LimitField, ListField, NumberField, RefField, SecretField, SelectField, SwitchField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { UseBar } from "../customers/Use";
import { CidrTest } from "../tools/CidrTest";
import { RewriteTest } from "../tools/RewriteTest";
import { HeaderSection } from "./HeaderEdits";
import { Registration } from "./Registration";
import { RewriteRules } from "./RewriteRules";

// Its "version" is the manufacturer's, not the number of its last change that other nouns have.
type Switch = Omit<Schemas["Switch"], "version">;

const switches: Resource<Switch> = {
  ns: "switches",
  path: "switches",
  nameOf: (s) => s.name,
  every: 10,
  columns: [
    { label: "switches.field.name", render: (s) => <WireText>{s.name}</WireText> },
    { label: "switches.field.customer_id", render: (s) => <CustomerName id={s.customer_id} /> },
    { label: "switches.field.direction", render: (s) => <Direction value={s.direction} /> },
    { label: "switches.where", render: (s) => <WireText tip>{s.direction === "ingress" ? s.host + (s.port ? ":" + s.port : "") : (s.addresses ?? []).join(", ")}</WireText> },
    { label: "switches.field.protocol", render: (s) => <Protocol value={s.protocol} />, narrow: true },
    { label: "switches.registration", render: (s) => <Registration of={s} /> },
    { label: "switches.calls", render: (s) => <UseBar calls={s.use?.calls} limit={s.channels} /> },
  ],
  fresh: (customer) => ({ customer_id: customer ?? 0, direction: "egress" }),
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => (
    <>
      <LimitField name="channels" />
      <LimitField name="cps" />
      <SelectField name="protocol" values={["", ...protocols]} />
      <SwitchField name="force_nat" />
      <CodecsField name="restricted_codecs" />
    </>
  ),
  rowActions: (s) => <SetUp item={s} />,
  size: "xl",
};

const protocols = ["udp", "tcp", "tls", "tls+srtp"];

function Direction({ value }: { value: string }) {
  const { t } = useTranslation();
  const Icon = value === "ingress" ? IconArrowUpRight : IconArrowDownLeft;
  return (
    <Badge color={value === "ingress" ? "blue" : "teal"} leftSection={<Icon size={13} />}>
      {t(`switches.option.direction.${value}`)}
    </Badge>
  );
}

function Protocol({ value }: { value: string }) {
  const { t } = useTranslation();
  return <>{value || t("switches.option.protocol.none")}</>;
}

function SetUp({ item }: { item: Switch }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const label = t("ui.set_up", { name: item.name });
  return (
    <>
      <Tooltip label={label}>
        <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={label} onClick={() => setOpen(true)}>
          <IconInfoSquareRounded size={17} />
        </ActionIcon>
      </Tooltip>
      {open && <HowToSetUp path="switches" id={item.id} name={item.name} onClose={() => setOpen(false)} />}
    </>
  );
}

function Fields({ creating }: { creating: boolean }) {
  const { t } = useTranslation();
  const { staff } = useMay();
  const s = useDraft<Partial<Switch>>();
  const ingress = s.direction === "ingress";
  return (
    <>
      <Section title={t("switches.section.who")}>
        {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
        <TextField name="name" required autoFocus />
        <DirectionChoice creating={creating} />
      </Section>
      <Section title={t(ingress ? "switches.section.host" : "switches.section.addresses")}>
        {ingress ? <Host /> : <Addresses />}
        <Group gap="sm" align="start">
          <SelectField name="protocol" values={["", ...protocols]} />
          {ingress && <NumberField name="port" max={65535} />}
        </Group>
      </Section>
      {ingress && <Account />}
      <Section title={t("switches.section.limits")}>
        <LimitField name="channels" />
        <LimitField name="cps" />
      </Section>
      <Section title={t("switches.section.numbers")} text={t(ingress ? "switches.section.numbers_ingress" : "switches.section.numbers_egress")}>
        <SelectField name="dial_pattern" values={["e164", "+e164", "00", "national", "raw"]} />
        {!ingress && <SwitchField name="cli_authentication" />}
        {s.cli_authentication && <Alert color="blue" py="xs">{t("switches.cli_where")} <a className="tg-link" href="#/numbers?tab=clis">{t("clis.title")}</a></Alert>}
      </Section>
      <Section title={t("switches.section.rewrite")} text={t("switches.section.rewrite_text")}>
        <RewriteRules />
        <TryIt />
      </Section>
      <Section title={t("switches.section.prefixes")} text={t("switches.section.prefixes_text")}>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <TextField name="tech_prefix" mono />
          <TextField name="cli_prefix" mono />
          <TextField name="force_from" mono />
        </SimpleGrid>
      </Section>
      <HeaderSection />
      <Section title={t("switches.section.media")}>
        <CodecsField name="restricted_codecs" />
        <SelectField name="latching" values={["symmetric", "strict", "handover"]} />
        <SwitchField name="force_nat" />
        <SwitchField name="intercept_reinvite" />
      </Section>
      <Section title={t("switches.section.about")}>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextField name="manufacturer" />
          <TextField name="version" />
        </SimpleGrid>
      </Section>
    </>
  );
}

/** Which way calls go, in words; what only the other direction has is emptied. */
function DirectionChoice({ creating }: { creating: boolean }) {
  const { t } = useTranslation();
  const direction = useField<string>("direction");
  const reset: Record<string, [ReturnType<typeof useField>, unknown]> = {
    addresses: [useField("addresses"), []],
    cli_authentication: [useField("cli_authentication"), false],
    host: [useField("host"), ""],
    username: [useField("username"), ""],
    realm: [useField("realm"), ""],
    register: [useField("register"), false],
    outbound_proxies: [useField("outbound_proxies"), []],
  };
  const choose = (value: string) => {
    direction.set(value);
    const gone = value === "ingress" ? ["addresses", "cli_authentication"] : ["host", "username", "realm", "register", "outbound_proxies"];
    for (const name of gone) reset[name]?.[0].set(reset[name]?.[1]);
  };
  return (
    <Input.Wrapper label={t("switches.field.direction")} labelElement="div" labelProps={{ id: "direction-label" }} description={t("switches.help.direction")} error={direction.error}>
      <SegmentedControl mt={4} style={{ display: "flex", width: "fit-content" }} aria-labelledby="direction-label" value={direction.value ?? "egress"} readOnly={direction.readOnly || !creating} onChange={choose}
        data={["egress", "ingress"].map((value) => ({ value, label: t(`switches.option.direction.${value}`) }))} />
    </Input.Wrapper>
  );
}

function Addresses() {
  const { t } = useTranslation();
  const { addresses } = useDraft<Partial<Switch>>();
  const [open, setOpen] = useState(false);
  return (
    <>
      <ListField name="addresses" required mono placeholder="198.51.100.0/28" />
      <Group>
        <Button size="xs" variant="default" leftSection={<IconNetwork size={15} />} disabled={!addresses?.length} onClick={() => setOpen(true)}>
          {t("switches.look_at_ranges")}
        </Button>
      </Group>
      {open && (
        <Modal opened onClose={() => setOpen(false)} size="xl" title={t("switches.look_at_ranges")} closeButtonProps={{ "aria-label": t("ui.close") }}>
          <Stack gap="lg">
            {addresses?.map((a) => (
              <Stack key={a} gap={6}>
                <Text fw={600} component="div"><WireText>{a}</WireText></Text>
                <CidrTest given={a} />
              </Stack>
            ))}
            <Text size="sm" c="dimmed">{t("switches.try_address")}</Text>
            <CidrTest />
          </Stack>
        </Modal>
      )}
    </>
  );
}

function Host() {
  return (
    <>
      <TextField name="host" required mono placeholder="sip.carrier.example" />
      <ListField name="outbound_proxies" mono placeholder="proxy.carrier.example:5060" />
    </>
  );
}

/** Who we are there. */
function Account() {
  const { t } = useTranslation();
  const s = useDraft<Partial<Switch>>();
  return (
    <Section title={t("switches.section.account")} text={t("switches.section.account_text")}>
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        <TextField name="username" mono />
        <SecretField name="password" />
        <TextField name="realm" mono />
      </SimpleGrid>
      <SwitchField name="register" />
      {s.registration && <Registration of={s} details />}
    </Section>
  );
}

/** The rewriting of the form, tried before it is saved. */
function TryIt() {
  const { t } = useTranslation();
  const s = useDraft<Partial<Switch>>();
  const [open, setOpen] = useState(false);
  if (!open) {
    return (
      <Group>
        <Button size="xs" variant="default" leftSection={<IconTestPipe size={15} />} onClick={() => setOpen(true)}>{t("tools.try_rewrite")}</Button>
      </Group>
    );
  }
  const { customer_id, direction, dial_pattern, tech_prefix, cli_prefix, force_from, rewrite } = s;
  return <RewriteTest rules={{ ...(customer_id ? { customer_id } : {}), direction: direction as "egress" | "ingress", dial_pattern, tech_prefix, cli_prefix, force_from, rewrite: rewrite ?? [] }} />;
}

export default function Switches() {
  return <ResourcePage resource={switches} />;
}
