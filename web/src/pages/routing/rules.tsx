// Routing rules, as a form and a list.

import { Stack } from "@mantine/core";
import type { Schemas } from "~/api/client";
import { useDraft } from "~/ui/Form";
import type { Resource } from "~/ui/resource";
import { CustomerGroupField } from "../destinations/resource";
import { HeaderFields, routingHeaders } from "../firewall/HeaderFields";
import { Preview } from "../firewall/Preview";
import { HitsOf } from "../firewall/Hits";

type Rule = Schemas["RoutingRule"];

export const rules: Resource<Rule> = {
  ns: "rules",
  path: "routing-rules",
  nameOf: (r) => r.name,
  columns: [],
  fresh: (customer) => ({ customer_id: customer ?? 0, header: "user-agent", group: 1 }),
  Fields: ({ creating }) => <Fields creating={creating} />,
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
