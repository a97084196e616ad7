import { Badge, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { WireText } from "~/ui/WireText";
import { RefField, SelectField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";

type CLI = Schemas["CLI"];

export const clis: Resource<CLI> = {
  ns: "clis",
  path: "clis",
  nameOf: (c) => c.value,
  columns: [
    { label: "clis.field.value", render: (c) => <WireText>{c.value}</WireText> },
    { label: "clis.field.match", render: (c) => <Match value={c.match} />, narrow: true },
    { label: "clis.field.customer_id", render: (c) => <CustomerName id={c.customer_id} /> },
  ],
  Fields: ({ creating }) => <Fields creating={creating} />,
};

function Match({ value }: { value: string }) {
  const { t } = useTranslation();
  return <Badge color="gray">{t(`clis.option.match.${value}`)}</Badge>;
}

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <SelectField name="match" values={["exact", "regex"]} />
      <TextField name="value" required autoFocus mono placeholder="390401234567" />
    </Stack>
  );
}
