// SIP profiles: what a SIP user leaves empty, for all of a company's customers.

import { SimpleGrid, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useMay } from "~/session/SessionProvider";
import { CompanyName } from "~/ui/CompanyName";
import { ResourcePage } from "~/ui/ResourcePage";
import { CodecsField, NumberField, RefField, SelectField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { UseBar } from "../customers/Use";

type Profile = Schemas["SIPProfile"];

const profiles: Resource<Profile> = {
  ns: "sip-profiles",
  path: "sip-profiles",
  nameOf: (p) => p.name,
  perCustomer: false,
  columns: [
    { label: "sip-profiles.field.name", render: (p) => p.name },
    { label: "sip-profiles.field.company_id", render: (p) => <CompanyName id={p.company_id} /> },
    { label: "sip-profiles.field.channels", render: (p) => p.channels || <Unset />, right: true, narrow: true },
    { label: "sip-profiles.calls", render: (p) => <UseBar calls={p.use?.calls} limit={p.capacity} /> },
    { label: "sip-profiles.field.protocol", render: (p) => p.protocol || <Unset />, narrow: true },
    { label: "sip-profiles.field.restricted_codecs", render: (p) => (p.restricted_codecs ?? []).join(", ") },
  ],
  Fields,
};

function Unset() {
  const { t } = useTranslation();
  return <>{t("sip-profiles.unset")}</>;
}

function Fields() {
  const { platform } = useMay();
  return (
    <Stack gap="sm">
      <TextField name="name" required autoFocus />
      {platform && <RefField name="company_id" path="companies" required />}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <NumberField name="channels" />
        <NumberField name="capacity" />
      </SimpleGrid>
      <SelectField name="protocol" values={["", "udp", "tcp", "tls", "tls+srtp"]} />
      <SelectField name="nat_ping" values={["enabled", "disabled", "timeout"]} />
      <CodecsField name="restricted_codecs" />
      <SelectField name="latching" values={["symmetric", "strict", "handover"]} />
    </Stack>
  );
}

export default function SIPProfiles() {
  const { staff } = useMay();
  return <ResourcePage resource={{ ...profiles, ...(staff ? {} : { mayChange: false }) }} />;
}
