import { Select } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useItems } from "~/api/nouns";
import { useDraft, useField } from "~/ui/Form";

/** One of the customer's domains by its name; none: all of the customer's calls. */
export function DomainField({ name }: { name: string }) {
  const { t } = useTranslation();
  const f = useField<string>(name);
  const { customer_id } = useDraft<{ customer_id?: number }>();
  const domains = useItems<Schemas["Domain"]>("domains", { customer: customer_id, limit: 200 }, { enabled: !!customer_id });
  const names = [...new Set([...(domains.data ?? []).map((d) => d.name), ...(f.value ? [f.value] : [])])];
  return (
    <Select label={f.label} description={f.help} error={f.error} readOnly={f.readOnly} value={f.value ?? ""} allowDeselect={false} searchable maw={420} onChange={(v) => f.set(v ?? "")}
      data={[{ value: "", label: t("blocklist.all_calls") }, ...names.map((value) => ({ value, label: value }))]} />
  );
}
