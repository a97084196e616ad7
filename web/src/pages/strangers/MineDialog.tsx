// "This is mine": what the node did not know of a source, as one of three things. texts: "strangers"

import { Alert, Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { type Page } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { useMay } from "~/session/SessionProvider";
import { Form } from "~/ui/Form";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { type Draft } from "~/ui/draft";
import { say } from "~/ui/notice";
import { RefField, TextField } from "~/ui/fields";
import { lift } from "../bans/lift";
import { hostOf, isName } from "./source";

type What = "entry" | "domain" | "whitelist";

export function MineDialog({ stranger, onClose }: { stranger: Schemas["Stranger"]; onClose: () => void }) {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { staff } = useMay();
  const address = hostOf(stranger.source);
  const named = isName(stranger.host) && !stranger.did_you_mean;
  const [what, setWhat] = useState<What>(named ? "domain" : "entry");
  const [draft, setDraft] = useState<Draft>({ customer_id: customer ?? 0, name: "", address, domain: named ? stranger.host : "" });
  const make = useMutation({
    mutationFn: async () => {
      await create(what, draft);
      if (stranger.banned) await liftOf(address);
    },
    onSuccess: async () => {
      await refresh("switches", "domains", "whitelist", "bans", "strangers", "audit");
      void say(t("strangers.known", { source: address }));
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <Modal opened onClose={onClose} size="lg" title={t("strangers.mine_of", { source: stranger.source })} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Text size="sm" component="div">
            <WireText block>{stranger.request_line}</WireText>
            <Text span size="xs" c="dimmed">
              {t("strangers.first")} <When at={stranger.first} full />
            </Text>
          </Text>
          {stranger.did_you_mean && (
            <Alert color="blue" py="xs">
              {t("strangers.mean_text")} <WireText>{stranger.did_you_mean}</WireText>
            </Alert>
          )}
          <Radio.Group value={what} onChange={(value) => setWhat(value as What)} label={t("strangers.what")}>
            <Stack gap={8} mt={6}>
              <Radio value="entry" label={t("strangers.entry")} description={t("strangers.entry_text")} />
              {named && <Radio value="domain" label={t("strangers.domain", { host: stranger.host })} description={t("strangers.domain_text")} />}
              <Radio value="whitelist" label={t("strangers.whitelist")} description={t("strangers.whitelist_text")} />
            </Stack>
          </Radio.Group>
          <Form ns="strangers" draft={draft} onChange={setDraft} problem={make.error ? asProblem(make.error) : undefined}>
            {staff && <RefField name="customer_id" path="customers" required />}
            {what === "entry" && <TextField name="name" required />}
            {what === "domain" ? <TextField name="domain" required mono /> : <TextField name="address" required mono />}
          </Form>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" loading={make.isPending}>{t("strangers.mine")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function create(what: What, { customer_id, name, address, domain }: Draft): Promise<unknown> {
  switch (what) {
    case "entry":
      return call("POST", "/switches", { body: { customer_id, name, direction: "egress", addresses: [address] } });
    case "domain":
      return call("POST", "/domains", { body: { customer_id, name: domain } });
    case "whitelist":
      return call("POST", "/whitelist", { body: { customer_id, cidr: address } });
  }
}

/** What was banned meanwhile is no stranger any more. */
async function liftOf(address: string): Promise<void> {
  const { body } = await call<Page<Schemas["Banned"]>>("GET", "/bans", { query: { q: address } });
  for (const ban of body.items) if (ban.address === address) await lift(ban.id);
}
