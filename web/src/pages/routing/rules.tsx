// Routing rules, as a form and a list.

import { Stack } from "@mantine/core";
import type { Schemas } from "~/api/client";
import { When } from "~/look/When";
import { CustomerName } from "~/ui/CustomerName";
import { useDraft } from "~/ui/Form";
import { WireText } from "~/ui/WireText";
import { NumberField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { CustomerGroupField } from "../destinations/resource";
import { Condition } from "../firewall/Condition";
import { HeaderFields, routingHeaders } from "../firewall/HeaderFields";
import { Preview } from "../firewall/Preview";
import { HitCount, HitsOf } from "../firewall/Hits";

type Rule = Schemas["RoutingRule"];

export const rules: Resource<Rule> = {
  ns: "rules",
  path: "routing-rules",
  nameOf: (r) => r.name,
  every: 10,
  columns: [
    { label: "rules.field.name", render: (r) => <WireText>{r.name}</WireText> },
    { label: "rules.field.customer_id", render: (r) => <CustomerName id={r.customer_id} name={r.customer} /> },
    { label: "firewall.what", render: (r) => <Condition rule={r} /> },
    { label: "rules.field.group", render: (r) => r.group, right: true, narrow: true },
    { label: "rules.field.priority", render: (r) => r.priority, right: true, narrow: true },
    { label: "firewall.hits", render: (r) => <HitCount hits={r.hits} />, right: true, narrow: true },
    { label: "firewall.last_hit", render: (r) => <When at={r.last_hit} />, narrow: true },
  ],
  fresh: (customer) => ({ customer_id: customer ?? 0, header: "user-agent", group: 1 }),
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => (
    <>
      <NumberField name="group" min={1} max={9} />
      <NumberField name="priority" max={65535} />
    </>
  ),
  Beside: ({ item }) => <HitsOf rule={item} />,
};

function Fields({ creating }: { creating: boolean }) {
  const { customer_id } = useDraft<Partial<Rule>>();
  return (
    <Stack gap="sm">
      <HeaderFields creating={creating} headers={routingHeaders} />
      <CustomerGroupField name="group" customer={customer_id} />
      <Preview kind="routing" />
    </Stack>
  );
}
