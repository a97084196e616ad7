import { Badge, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Noun } from "~/api/nouns";
import { useMay } from "~/session/SessionProvider";
import { CompanyName } from "~/ui/CompanyName";
import { CustomerName } from "~/ui/CustomerName";
import { useDraft, useField } from "~/ui/Form";
import { ResourcePage } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { ListField, RefField, SelectField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";

interface Key extends Noun {
  name: string;
  role: string;
  access: string;
  company_id?: number;
  hint: string;
  key?: string;
  expires?: string;
  allow_from?: string[];
  only?: string;
  last_used?: string;
}

const keys: Resource<Key> = {
  ns: "keys",
  path: "api-keys",
  nameOf: (k) => k.name,
  oneByOne: true,
  columns: [
    { label: "keys.field.name", render: (k) => k.name },
    { label: "keys.hint", render: (k) => <code>{k.hint}…</code>, narrow: true },
    { label: "keys.scope", render: (k) => <Scope item={k} /> },
    { label: "keys.field.allow_from", render: (k) => k.allow_from?.join(", ") || <Anywhere /> },
    { label: "keys.field.expires", render: (k) => <Expires at={k.expires} />, narrow: true },
    { label: "keys.last_used", render: (k) => <When at={k.last_used} />, narrow: true },
  ],
  fresh: (customer) => ({ role: customer ? "customer" : "platform", access: "read-only", ...(customer ? { customer_id: customer } : {}) }),
  Fields,
  secretOf: (k) =>
    k.key ? [{ label: k.name, value: k.key }, ...(k.only === "wall" ? [{ label: "URL", value: `${location.origin}/#/wall/${k.key}` }] : [])] : undefined,
};

export function Fields({ creating }: { creating: boolean }) {
  const { platform, staff } = useMay();
  const { role } = useDraft<{ role?: string }>();
  const roles = platform ? ["platform", "company", "customer"] : staff ? ["company", "customer"] : ["customer"];
  return (
    <>
      <TextField name="name" required autoFocus />
      <SelectField name="only" values={["", "wall"]} disabled={!creating} />
      <SelectField name="role" values={roles} />
      {role === "company" && platform && <RefField name="company_id" path="companies" required />}
      {role === "customer" && staff && <RefField name="customer_id" path="customers" required />}
      <SelectField name="access" values={["admin", "operator", "read-only"]} />
      <ListField name="allow_from" placeholder="192.0.2.0/24" mono />
      <TimeField name="expires" />
    </>
  );
}

/** A time by the browser's own picker, in the zone of the person. */
function TimeField({ name }: { name: string }) {
  const f = useField<string>(name);
  const date = f.value ? new Date(f.value) : undefined;
  const local = date && date.getUTCFullYear() > 1970 ? new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "";
  return (
    <TextInput type="datetime-local" label={f.label} description={f.help} error={f.error} readOnly={f.readOnly} value={local} maw={260}
      onChange={(e) => f.set(e.currentTarget.value ? new Date(e.currentTarget.value).toISOString() : "0001-01-01T00:00:00Z")} />
  );
}

function Scope({ item }: { item: Key }) {
  const { t } = useTranslation();
  return (
    <>
      {item.only === "wall" && <Badge color="petrol" mr={6}>{t("keys.option.only.wall")}</Badge>}
      {t(`users.option.role.${item.role}`)}, {t(`users.option.access.${item.access}`)}{" "}
      {item.customer_id ? <CustomerName id={item.customer_id} /> : <CompanyName id={item.company_id} />}
    </>
  );
}

function Anywhere() {
  const { t } = useTranslation();
  return <>{t("keys.anywhere")}</>;
}

function Expires({ at }: { at: string | undefined }) {
  const { t } = useTranslation();
  const date = at ? new Date(at) : undefined;
  if (!date || date.getUTCFullYear() < 1971) return <>{t("keys.never")}</>;
  return date.getTime() < Date.now() ? <Badge color="red">{t("keys.over")}</Badge> : <When at={at} />;
}

export default function Keys() {
  const { admin } = useMay();
  return <ResourcePage resource={{ ...keys, mayChange: admin }} />;
}
