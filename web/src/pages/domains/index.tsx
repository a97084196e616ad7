import { Alert, Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { cache } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { ResourcePage } from "~/ui/ResourcePage";
import { WireText } from "~/ui/WireText";
import { RefField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";

type Domain = Schemas["Domain"];

const domains: Resource<Domain> = {
  ns: "domains",
  path: "domains",
  nameOf: (d) => d.name,
  columns: [
    { label: "domains.field.name", render: (d) => <WireText>{d.name}</WireText> },
    { label: "domains.field.customer_id", render: (d) => <CustomerName id={d.customer_id} /> },
    { label: "domains.field.dns", render: (d) => <DNSBadge id={d.id} />, narrow: true },
    { label: "domains.field.proven", render: (d) => <Proven domain={d} />, narrow: true },
  ],
  Fields: ({ creating }) => <Fields creating={creating} />,
  bulkActs: (rows) => <AskMany domains={rows} />, // a name is all that a domain has, and no two share it
  Beside: ({ item }) => <DNS domain={item} />,
};

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="name" required autoFocus mono placeholder="sip.example.com" />
    </Stack>
  );
}

function Proven({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  return <Badge color={domain.proven ? "green" : "yellow"}>{t(domain.proven ? "domains.proven" : "domains.unproven")}</Badge>;
}

function useDNS(id: number) {
  return useQuery({
    queryKey: ["noun", "domains", "dns", id],
    queryFn: async ({ signal }) => (await call<Schemas["DNSState"]>("GET", `/domains/${id}/dns`, { signal })).body,
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  });
}

/** Reads anew whether they lead here: at once where they are in sight, else when they come into it. */
function AskMany({ domains: chosen }: { domains: Domain[] }) {
  const { t } = useTranslation();
  const ids = new Set<unknown>(chosen.map((d) => d.id));
  return (
    <Button variant="default" onClick={() => void cache.invalidateQueries({ queryKey: ["noun", "domains", "dns"], predicate: ({ queryKey }) => ids.has(queryKey[3]) })}>
      {t("domains.ask_many", { count: chosen.length })}
    </Button>
  );
}

/** Asked when the row comes into sight: a list of thousands asks for those that are looked at. */
function DNSBadge({ id }: { id: number }) {
  const { t } = useTranslation();
  const dns = useDNS(id);
  if (dns.isPending) return <Text size="sm" c="dimmed">{t("domains.asking")}</Text>;
  if (dns.isError) return <Badge color="gray">{t("domains.no_answer")}</Badge>;
  return <Badge color={dns.data.leads_here ? "green" : "red"}>{t(dns.data.leads_here ? "domains.leads_here" : "domains.leads_elsewhere")}</Badge>;
}

function DNS({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const dns = useDNS(domain.id);
  if (dns.isPending) return <Waiting />;
  if (dns.isError) return <Failed error={dns.error} reset={() => void dns.refetch()} />;
  const { leads_here, cname, addresses, want } = dns.data;
  return (
    <Alert color={leads_here ? "green" : "yellow"} title={t(leads_here ? "domains.leads_here" : "domains.leads_elsewhere")}>
      <Stack gap={6}>
        {cname && (
          <Group gap="xs">
            <Text size="sm" w={110}>CNAME</Text>
            <WireText>{cname}</WireText>
          </Group>
        )}
        <Group gap="xs" align="start">
          <Text size="sm" w={110}>{t("domains.addresses")}</Text>
          <div>{addresses?.length ? addresses.map((a) => <div key={a}><WireText>{a}</WireText></div>) : t("domains.none")}</div>
        </Group>
        {!leads_here && <Text size="sm">{want}</Text>}
        <Group>
          <Button size="xs" variant="default" loading={dns.isFetching} onClick={() => void dns.refetch()}>
            {t("domains.ask_again")}
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}

export default function Domains() {
  return <ResourcePage resource={domains} />;
}
