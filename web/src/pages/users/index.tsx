import { ActionIcon, Badge, Tooltip } from "@mantine/core";
import { IconLink } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { asProblem } from "~/api/problem";
import { useMay, useSession } from "~/session/SessionProvider";
import { CompanyName } from "~/ui/CompanyName";
import { Confirm } from "~/ui/confirm";
import { CopyOnce } from "~/ui/CopyOnce";
import { CustomerName } from "~/ui/CustomerName";
import { useDraft } from "~/ui/Form";
import { ResourcePage } from "~/ui/ResourcePage";
import { RefField, SecretField, SelectField, SwitchField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";

type User = Schemas["User"];

const users: Resource<User> = {
  ns: "users",
  path: "users",
  nameOf: (u) => u.email,
  oneByOne: true,
  columns: [
    { label: "users.field.email", render: (u) => u.email },
    { label: "users.field.name", render: (u) => u.name },
    { label: "users.field.role", render: (u) => <Role user={u} /> },
    { label: "users.belongs", render: (u) => (u.customer_id ? <CustomerName id={u.customer_id} /> : <CompanyName id={u.company_id} />) },
    { label: "users.state", render: (u) => <State user={u} />, narrow: true },
  ],
  fresh: (customer) => ({ access: "operator", role: "customer", ...(customer ? { customer_id: customer } : {}) }),
  Fields,
  rowActions: (u) => <LinkButton user={u} />,
};

export function Fields() {
  const { platform, staff } = useMay();
  const { role } = useDraft<{ role?: string }>();
  const roles = platform ? ["platform", "company", "customer"] : staff ? ["company", "customer"] : ["customer"];
  return (
    <>
      <TextField name="email" required autoFocus />
      <TextField name="name" />
      <SelectField name="role" values={roles} />
      {role === "company" && platform && <RefField name="company_id" path="companies" required />}
      {role === "customer" && staff && <RefField name="customer_id" path="customers" required />}
      <SelectField name="access" values={["admin", "operator", "read-only"]} />
      <SecretField name="password" />
      <SwitchField name="disabled" />
    </>
  );
}

function Role({ user }: { user: User }) {
  const { t } = useTranslation();
  return (
    <>
      {t(`users.option.role.${user.role}`)}, {t(`users.option.access.${user.access}`)}
    </>
  );
}

function State({ user }: { user: User }) {
  const { t } = useTranslation();
  const { email } = useSession();
  if ((user as { disabled?: boolean }).disabled) return <Badge color="gray">{t("users.field.disabled")}</Badge>;
  if (user.transparent) return <Badge color="orange">{t("transparent.name")}</Badge>;
  return user.email === email ? <Badge color="petrol">{t("users.you")}</Badge> : null;
}

interface UserLink {
  email: string;
  url: string;
  ends: string;
}

/** A one-time link by which the user sets a password. */
function LinkButton({ user }: { user: User }) {
  const { t } = useTranslation();
  const { admin } = useMay();
  const [asking, setAsking] = useState(false);
  const make = useMutation({
    mutationFn: async () => (await call<UserLink>("POST", `/users/${user.id}/link`)).body,
    onSuccess: () => refresh("audit"),
  });
  if (!admin) return null;
  const label = t("users.make_link", { name: user.email });
  return (
    <>
      <Tooltip label={label}>
        <ActionIcon variant="subtle" size="sm" color="gray" c="dimmed" aria-label={label} onClick={() => setAsking(true)}>
          <IconLink size={15} />
        </ActionIcon>
      </Tooltip>
      {asking && (
        <Confirm title={label} button={t("users.make_link_button")} mild onConfirm={() => make.mutateAsync()} onClose={() => setAsking(false)}>
          {t("users.link_text")}
          {make.isError && asProblem(make.error).message}
        </Confirm>
      )}
      {make.data && <CopyOnce title={user.email} secrets={[{ label: t("users.link"), value: make.data.url }]} onClose={() => make.reset()} />}
    </>
  );
}

export default function Users() {
  const { admin } = useMay();
  return <ResourcePage resource={{ ...users, mayChange: admin }} />;
}
