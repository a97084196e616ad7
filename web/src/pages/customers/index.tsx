import { ActionIcon, Switch, Tooltip } from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { ResourcePage } from "~/ui/ResourcePage";
import type { Resource } from "~/ui/resource";
import { useMay } from "~/session/SessionProvider";
import { CompanyName } from "~/ui/CompanyName";
import { useUrlText } from "~/url";
import { Features } from "./Features";
import { BulkFields, Fields } from "./Fields";
import { UseBar, UseOf } from "./Use";

type Customer = Schemas["Customer"];

const customers: Resource<Customer> = {
  ns: "customers",
  path: "customers",
  nameOf: (c) => c.name,
  columns: [
    { label: "customers.field.name", render: (c) => c.name },
    { label: "customers.calls_now", render: (c) => <UseBar calls={c.use.calls} limit={c.call_limit} /> },
    { label: "customers.features", render: (c) => <Features customer={c} /> },
    { label: "customers.field.registration", render: (c) => <Registration value={c.registration} />, narrow: true },
    { label: "customers.field.company_id", render: (c) => <CompanyName id={c.company_id} /> },
  ],
  every: 5,
  fresh: () => ({}),
  Fields,
  BulkFields,
  rowActions: (c) => <Choose customer={c} />,
  Beside: ({ item }) => <UseOf id={item.id} />,
  size: "xl",
};

function Registration({ value }: { value: string }) {
  const { t } = useTranslation();
  return <>{t(`customers.option.registration.${value}`)}</>;
}

/** Makes the customer the filter of all pages. */
function Choose({ customer }: { customer: Customer }) {
  const { t } = useTranslation();
  const [chosen, choose] = useUrlText("customer");
  const text = t("customers.choose", { name: customer.name });
  return (
    <Tooltip label={text}>
      <ActionIcon variant="subtle" size="sm" color="gray" c="dimmed" aria-label={text} disabled={chosen === String(customer.id)} onClick={() => choose(String(customer.id))}>
        <IconFilter size={15} />
      </ActionIcon>
    </Tooltip>
  );
}

export default function Customers() {
  const { t } = useTranslation();
  const { admin } = useMay();
  const [only, setOnly] = useUrlText("transparent");
  const narrowing = only ? { query: { transparent: true }, narrowed: t("customers.only_transparent") } : {};
  const filters = <Switch size="sm" label={t("customers.only_transparent")} checked={!!only} onChange={(e) => setOnly(e.currentTarget.checked ? "1" : undefined)} />;
  return <ResourcePage resource={{ ...customers, ...narrowing, filters, mayAdd: admin, mayDelete: admin }} />;
}
