// SIP users: the phones that register here with a name and a password.

import { Badge, Input, SegmentedControl, SimpleGrid, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useAll } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { Section, useDraft, useField } from "~/ui/Form";
import { ImportButton, type ImportKind } from "~/ui/ImportDialog";
import { ResourcePage } from "~/ui/ResourcePage";
import { WireText } from "~/ui/WireText";
import { CodecsField, ListField, NumberField, RefField, SecretField, SwitchField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { RewriteRules } from "../switches/RewriteRules";
import { UserActs } from "./Acts";
import { CapacityBar, ChannelsOf, useCapacity, useProfiles } from "./Capacity";
import { InheritedSelectField, InheritedSwitchField } from "./Inherited";

type User = Schemas["SipUser"];

const users: Resource<User> = {
  ns: "sip-users",
  path: "sip-users",
  nameOf: (u) => u.username,
  columns: [
    { label: "sip-users.field.username", render: (u) => <WireText>{u.username}</WireText> },
    { label: "sip-users.field.customer_id", render: (u) => <CustomerName id={u.customer_id} /> },
    { label: "sip-users.registered", render: (u) => <Registered user={u} /> },
    { label: "sip-users.field.channels", render: (u) => <ChannelsOf user={u} />, right: true },
    { label: "sip-users.field.profile_id", render: (u) => <ProfileName user={u} /> },
    { label: "sip-users.field.allow_from", render: (u) => <WireText tip>{(u.allow_from ?? []).join(", ")}</WireText> },
  ],
  fresh: (customer) => ({ customer_id: customer ?? 0, generate_password: true }),
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => (
    <>
      <NumberField name="channels" empty />
      <RefField name="profile_id" path="sip-profiles" />
      <ListField name="allow_from" mono />
      <CodecsField name="restricted_codecs" />
    </>
  ),
  rowActions: (u) => <UserActs user={u} />,
  secretOf: (u) => (u.password ? [{ label: u.username, value: u.password }] : undefined),
  size: "xl",
};

function ProfileName({ user }: { user: User }) {
  const profiles = useProfiles(user.customer_id);
  return <>{profiles.get(user.profile_id ?? 0)?.name ?? ""}</>;
}

const mostPhones = 20_000;

/** Whether a phone of the user is registered; all rows share one reading. */
function Registered({ user }: { user: User }) {
  const { t } = useTranslation();
  const customer = useCustomer();
  const bindings = useAll<Schemas["Binding"]>("bindings", { customer }, { every: 10_000, most: mostPhones });
  const count = useMemo(() => bindings.data?.filter((b) => b.customer_id === user.customer_id && b.user === user.username).length ?? 0, [bindings.data, user]);
  if (!bindings.data) return null;
  return <Badge color={count ? "green" : "gray"}>{count ? t("sip-users.phones", { count }) : t("sip-users.not_registered")}</Badge>;
}

function Fields({ creating }: { creating: boolean }) {
  const { t } = useTranslation();
  const { staff } = useMay();
  return (
    <>
      <Section title={t("sip-users.section.who")}>
        {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
        <TextField name="username" required autoFocus mono placeholder="1001" />
        <Password creating={creating} />
        <RefField name="profile_id" path="sip-profiles" none={t("sip-users.no_profile")} />
      </Section>
      <Section title={t("sip-users.section.limits")} text={t("sip-users.section.limits_text")}>
        <Left />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <NumberField name="channels" empty placeholder={t("sip-users.inherited")} />
          <NumberField name="cps" empty placeholder={t("sip-users.inherited")} />
        </SimpleGrid>
      </Section>
      <Section title={t("sip-users.section.access")}>
        <ListField name="allow_from" mono placeholder="198.51.100.0/28" />
        <InheritedSelectField name="protocol" values={["", "udp", "tcp", "tls", "tls+srtp"]} plain />
        <InheritedSelectField name="nat_ping" values={["enabled", "disabled", "timeout"]} />
      </Section>
      <Section title={t("sip-users.section.calls")}>
        <InheritedSwitchField name="retain_did" />
        <InheritedSwitchField name="smart_extension" />
        <CodecsField name="restricted_codecs" />
        <InheritedSelectField name="latching" values={["symmetric", "strict", "handover"]} />
      </Section>
      <Section title={t("switches.section.rewrite")} text={t("switches.section.rewrite_text")}>
        <RewriteRules />
      </Section>
      <Section title={t("sip-users.section.voicemail")}>
        <Voicemail />
      </Section>
    </>
  );
}

/** A password that is made, or one that is typed; neither is ever shown again. */
function Password({ creating }: { creating: boolean }) {
  const { t } = useTranslation();
  const make = useField<boolean>("generate_password");
  const password = useField<string>("password");
  if (make.readOnly) return null;
  const set = (yes: boolean) => {
    make.set(yes || (undefined as never));
    password.set(undefined as never);
  };
  return (
    <Input.Wrapper label={t("sip-users.field.password")} labelElement="div" labelProps={{ id: "password-label" }}>
      <SegmentedControl aria-labelledby="password-label" mb={6} style={{ display: "flex", width: "fit-content" }} value={make.value ? "make" : "type"} onChange={(v) => set(v === "make")}
        data={[{ value: "make", label: t("sip-users.make") }, { value: "type", label: t(creating ? "sip-users.type" : "sip-users.keep") }]} />
      {!make.value && <SecretField name="password" label={t(creating ? "sip-users.field.password" : "sip-users.new_password")} />}
    </Input.Wrapper>
  );
}

/** How many of the account's channels nobody has yet. */
function Left() {
  const { t } = useTranslation();
  const { customer_id } = useDraft<Partial<User>>();
  const { limit, sum } = useCapacity(customer_id || undefined);
  if (!limit || sum === undefined) return null;
  return <Text size="sm">{sum >= limit ? t("sip-users.none_left") : t("sip-users.left_of", { count: limit - sum, limit })}</Text>;
}

function Voicemail() {
  const { voicemail } = useDraft<Partial<User>>();
  return (
    <>
      <SwitchField name="voicemail.enabled" />
      {voicemail?.enabled && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextField name="voicemail.email" />
          <SecretField name="voicemail.pin" />
        </SimpleGrid>
      )}
    </>
  );
}

const csv: ImportKind = {
  preset: "users",
  path: "sip-users",
  columns: "username,password,channels,allow_from,…",
  example: "username,password,channels\n1001,generate,2\n1002,Correct-Horse-1,1",
};

export default function SIPUsers() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  if (customer === undefined) return <ResourcePage resource={users} />;
  const importing = write && <ImportButton kind={csv} title={t("sip-users.import_title")} note={t("sip-users.import_text")} customer={customer} />;
  return <ResourcePage resource={{ ...users, pageActions: importing, above: <CapacityBar customer={customer} /> }} />;
}
