// Fields that a profile fills where they are left empty.

import { Select } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useField } from "~/ui/Form";

/** One of a few values, or null: the profile's. yes and no stand for a boolean. */
export function InheritedSelectField({ name, values, plain }: { name: string; values: readonly string[]; plain?: boolean }) {
  const { t } = useTranslation();
  const f = useField<string>(name);
  const data = [{ value: "-", label: t("sip-users.inherited") }, ...values.map((value) => ({ value, label: plain && value ? value : f.option(value) }))];
  return <Select label={f.label} description={f.help} error={f.error} readOnly={f.readOnly} value={f.value ?? "-"} allowDeselect={false} maw={340} data={data} onChange={(v) => f.set(v === "-" ? null : v)} />;
}

export function InheritedSwitchField({ name }: { name: string }) {
  const { t } = useTranslation();
  const f = useField<boolean>(name);
  const value = f.value == null ? "-" : f.value ? "yes" : "no";
  return (
    <Select label={f.label} description={f.help} error={f.error} readOnly={f.readOnly} value={value} allowDeselect={false} maw={340} onChange={(v) => f.set(v === "-" ? null : v === "yes")}
      data={[{ value: "-", label: t("sip-users.inherited") }, { value: "yes", label: t("sip-users.yes") }, { value: "no", label: t("sip-users.no") }]} />
  );
}
