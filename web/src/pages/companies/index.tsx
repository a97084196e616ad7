import type { Schemas } from "~/api/client";
import { UseBar } from "~/pages/customers/Use";
import { useMay } from "~/session/SessionProvider";
import { ResourcePage } from "~/ui/ResourcePage";
import { LimitField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";

type Company = Schemas["Company"];

const companies: Resource<Company> = {
  ns: "companies",
  path: "companies",
  perCustomer: false,
  nameOf: (c) => c.name,
  every: 5,
  columns: [
    { label: "companies.field.name", render: (c) => c.name },
    { label: "companies.field.channels", render: (c) => <UseBar calls={c.use?.calls} limit={c.channels} /> },
    { label: "companies.field.cps", render: (c) => c.cps || "∞", right: true, narrow: true },
  ],
  Fields: () => (
    <>
      <TextField name="name" required autoFocus />
      <LimitField name="channels" />
      <LimitField name="cps" />
    </>
  ),
};

export default function Companies() {
  const { platform, admin } = useMay();
  return <ResourcePage resource={{ ...companies, mayChange: platform && admin }} />;
}
