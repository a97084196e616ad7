// Numbers of a customer: DIDs, which lead somewhere, and CLIs, which tell customers apart who share an address.

import { Input, SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useItem } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { useMay } from "~/session/SessionProvider";
import { CustomerName } from "~/ui/CustomerName";
import { useDraft, useField } from "~/ui/Form";
import { ImportButton, type ImportKind } from "~/ui/ImportDialog";
import { Page } from "~/ui/Page";
import { ResourceList } from "~/ui/ResourcePage";
import { WireText } from "~/ui/WireText";
import { RefField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { useUrl } from "~/url";
import { SwitchName } from "../destinations/resource";
import { clis } from "./clis";

type DID = Schemas["DID"];

const dids: Resource<DID> = {
  ns: "dids",
  path: "dids",
  nameOf: (d) => d.number,
  columns: [
    { label: "dids.field.number", render: (d) => <WireText>{d.number}</WireText> },
    { label: "dids.leads_to", render: (d) => <Target did={d} /> },
    { label: "dids.field.customer_id", render: (d) => <CustomerName id={d.customer_id} /> },
  ],
  Fields: ({ creating }) => <Fields creating={creating} />,
  BulkFields: () => <BulkFields />,
};

function Target({ did }: { did: DID }) {
  const { t } = useTranslation();
  const user = useItem<Schemas["SipUser"]>("sip-users", did.sip_user_id || undefined);
  if (did.switch_id) return <SwitchName id={did.switch_id} />;
  return <>{t("dids.user")} <WireText>{user.data?.body.username ?? ""}</WireText></>;
}

function Fields({ creating }: { creating: boolean }) {
  const { staff } = useMay();
  const d = useDraft<Partial<DID>>();
  return (
    <Stack gap="sm">
      {staff && <RefField name="customer_id" path="customers" required disabled={!creating} />}
      <TextField name="number" required autoFocus mono placeholder="390401234567" />
      <LeadsTo customer={d.customer_id || undefined} />
    </Stack>
  );
}

/** Where many lead from now on: they can only lead to what their customer has. */
function BulkFields() {
  const { t } = useTranslation();
  const customer = useCustomer();
  return customer === undefined ? <Text size="sm">{t("dids.of_one")}</Text> : <LeadsTo customer={customer} />;
}

/** A SIP user or a switch: choosing one takes the other out. */
function LeadsTo({ customer }: { customer: number | undefined }) {
  const { t } = useTranslation();
  const d = useDraft<Partial<DID>>();
  const user = useField<number>("sip_user_id");
  const sw = useField<number>("switch_id");
  const [toSwitch, setToSwitch] = useState(!!d.switch_id);
  const choose = (yes: boolean) => {
    setToSwitch(yes);
    user.set(0);
    sw.set(0);
  };
  return (
    <>
      <Input.Wrapper label={t("dids.leads_to")} labelElement="div" labelProps={{ id: "leads-to" }}>
        <SegmentedControl mt={4} style={{ display: "flex", width: "fit-content" }} aria-labelledby="leads-to" value={toSwitch ? "switch" : "user"} readOnly={user.readOnly} onChange={(v) => choose(v === "switch")}
          data={[{ value: "user", label: t("dids.user") }, { value: "switch", label: t("destinations.switch") }]} />
      </Input.Wrapper>
      {toSwitch ? <RefField name="switch_id" path="switches" required query={{ customer }} onPick={() => user.set(0)} /> : <RefField name="sip_user_id" path="sip-users" required query={{ customer }} onPick={() => sw.set(0)} />}
    </>
  );
}

const csv: ImportKind = {
  preset: "dids",
  path: "dids",
  columns: "number,sip_user,switch",
  example: "number,sip_user,switch\n390401234567,1001,\n390401234568,,carrier",
};

export default function Numbers() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [url, setUrl] = useUrl();
  const tab = url.tab === "clis" ? "clis" : "dids";
  return (
    <Page title={t("menu.numbers")} note={t(tab === "clis" ? "clis.about" : "dids.about")} actions={
      tab === "dids" && write && customer !== undefined && <ImportButton kind={csv} title={t("dids.import_title")} note={t("dids.import_text")} customer={customer} />
    }>
      <SegmentedControl mb="sm" aria-label={t("menu.numbers")} value={tab} onChange={(v) => setUrl({ tab: v === "clis" ? v : undefined, q: undefined, edit: undefined })}
        data={[{ value: "dids", label: t("dids.title") }, { value: "clis", label: t("clis.title") }]} />
      {tab === "clis" ? <ResourceList key="clis" resource={clis} height="calc(100dvh - 240px)" /> : <ResourceList key="dids" resource={dids} height="calc(100dvh - 240px)" />}
    </Page>
  );
}
