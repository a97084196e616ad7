// Whose address is trusted: no ban of the customer's and no antifraud holds it.

import type { Schemas } from "~/api/client";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { ResourcePage } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { RefField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";

const whitelist: Resource<Schemas["WhitelistEntry"]> = {
  ns: "whitelist",
  path: "whitelist",
  nameOf: (e) => e.cidr,
  columns: [
    { label: "whitelist.field.cidr", render: (e) => <WireText>{e.cidr}</WireText> },
    { label: "whitelist.field.customer_id", render: (e) => <CustomerName id={e.customer_id} /> },
    { label: "whitelist.changed", render: (e) => <When at={e.updated_at} />, narrow: true },
  ],
  Fields,
};

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  return (
    <>
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="cidr" required autoFocus mono placeholder="192.0.2.0/24" />
    </>
  );
}

export default function Whitelist() {
  return <ResourcePage resource={whitelist} />;
}
