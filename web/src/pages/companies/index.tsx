import type { Schemas } from "~/api/client";
import { useItems } from "~/api/nouns";
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
  columns: [
    { label: "companies.field.name", render: (c) => c.name },
    { label: "companies.field.channels", render: (c) => <Use company={c} /> },
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

function Use({ company }: { company: Company }) {
  const uses = useItems<Schemas["LimitUse"]>("limits", { limit: 1000 }, { every: 5_000 });
  return <UseBar calls={uses.data?.find((u) => u.scope === "company" && u.id === company.id)?.calls} limit={company.channels} />;
}

export default function Companies() {
  const { platform, admin } = useMay();
  return <ResourcePage resource={{ ...companies, mayChange: platform && admin }} />;
}
