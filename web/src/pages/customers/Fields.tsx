// The fields of a customer, in the order in which the manual has them. texts: "customers"

import { Alert, SimpleGrid } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useMay } from "~/session/SessionProvider";
import { Section, useDraft } from "~/ui/Form";
import { ChoicesField, CodecsField, LimitField, ListField, NumberField, OnOffField, RefField, SelectField, SpanField, SwitchField, TextField } from "~/ui/fields";

type Customer = Partial<Schemas["Customer"]>;

export function Fields({ creating }: { creating: boolean }) {
  const { t } = useTranslation();
  const { platform, staff } = useMay();
  const customer = useDraft<Customer>();
  return (
    <>
      <Section title={t("customers.section.account")}>
        <TextField name="name" required autoFocus disabled={!staff} />
        {platform && <RefField name="company_id" path="companies" required />}
        <LimitField name="call_limit" disabled={!staff} />
        <LimitField name="cps" disabled={!staff} />
      </Section>
      <Section title={t("customers.section.media")}>
        <SwitchField name="topology_hiding" />
        <SwitchField name="rtp_bridging" />
        <SwitchField name="transcoding.enabled" disabled={!customer.rtp_bridging && !customer.transcoding?.enabled} />
        <CodecsField name="transcoding.codecs" required={customer.transcoding?.enabled} />
      </Section>
      <Section title={t("customers.section.routing")}>
        <SwitchField name="keepalive" />
        <SwitchField name="destination_groups_enabled" />
        <SelectField name="destination_mode" values={["priority", "load_balancing"]} />
      </Section>
      <Section title={t("customers.section.transparent")}>
        <SwitchField name="transparent" />
        {customer.transparent && <Alert color="orange" py="xs">{t("transparent.what")}</Alert>}
      </Section>
      <Section title={t("customers.section.antifraud")} text={t("customers.section.antifraud_text")}>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <NumberField name="antifraud.invite" />
          <NumberField name="antifraud.register" />
          <NumberField name="antifraud.options" />
        </SimpleGrid>
        <SelectField name="antifraud.mode" values={["enforce", "monitor"]} />
      </Section>
      <Section title={t("customers.section.timers")}>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <SpanField name="timers.initial" offers={["2s", "5s", "10s"]} />
          <SpanField name="timers.invite" offers={["1m", "2m", "3m"]} />
          <SpanField name="timers.max_call" offers={["1h", "4h", "12h"]} />
        </SimpleGrid>
        <SelectField name="in_call_ping" values={["off", "both", "caller", "callee"]} />
      </Section>
      <Section title={t("customers.section.phones")}>
        <SelectField name="registration" values={["relay", "local"]} />
        <SelectField name="nat_ping" values={["enabled", "disabled"]} />
        <TextField name="extension_block" placeholder="1000-1999" />
        <TextField name="realm" disabled={!creating} />
        <ChoicesField name="digest" values={["sha-256", "sha-512-256", "md5"]} />
        <SelectField name="outbound" values={["customer", "any"]} disabled={!staff} />
      </Section>
      <Section title={t("customers.section.numbers")} text={t("customers.section.numbers_text")}>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <TextField name="country_code" placeholder="39" />
          <TextField name="international_prefix" placeholder="00" />
          <TextField name="national_prefix" />
        </SimpleGrid>
      </Section>
      <Section title={t("customers.section.emergency")} text={t("customers.section.emergency_text")}>
        <ListField name="emergency.numbers" />
        <NumberField name="emergency.group" min={1} max={9} />
      </Section>
      <Section title={t("customers.section.record")}>
        <SwitchField name="trace" />
      </Section>
    </>
  );
}

/** What many customers may be given at once. */
export function BulkFields() {
  return (
    <>
      <LimitField name="call_limit" />
      <OnOffField name="topology_hiding" />
      <OnOffField name="rtp_bridging" />
      <OnOffField name="keepalive" />
      <SelectField name="destination_mode" values={["priority", "load_balancing"]} />
      <NumberField name="antifraud.invite" />
      <OnOffField name="trace" />
    </>
  );
}
