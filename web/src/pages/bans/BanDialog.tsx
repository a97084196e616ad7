// Bans an address or a range by hand. texts: "bans"

import { Button, Group, Modal, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { call } from "~/api/client";
import { asProblem } from "~/api/problem";
import { useCustomer } from "~/frame/CustomerFilter";
import { useMay } from "~/session/SessionProvider";
import { Form } from "~/ui/Form";
import { say } from "~/ui/notice";
import { type Draft } from "~/ui/draft";
import { RefField, SpanField, TextField } from "~/ui/fields";

const spans = ["30m", "1h", "24h", "7d", "30d"];

export function BanDialog({ address = "", onClose }: { address?: string; onClose: () => void }) {
  const { t } = useTranslation();
  const customer = useCustomer();
  const { platform, staff } = useMay();
  const [draft, setDraft] = useState<Draft>({ address, for: "1h", reason: "", customer_id: customer ?? 0 });
  const ban = useMutation({
    mutationFn: () => call("POST", "/bans", { body: Object.fromEntries(Object.entries(draft).filter(([, value]) => value)) }),
    onSuccess: async () => {
      await refresh("bans", "strangers", "audit");
      void say(t("bans.banned", { address: String(draft.address) }));
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ban.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={t("bans.add")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Form ns="bans" draft={draft} onChange={setDraft} problem={ban.error ? asProblem(ban.error) : undefined}>
            <TextField name="address" required autoFocus mono placeholder="192.0.2.0/24" />
            <SpanField name="for" offers={spans} />
            {staff && <RefField name="customer_id" path="customers" required={!platform} none={platform ? t("bans.everybody") : undefined} />}
            <TextField name="reason" />
          </Form>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" color="red" loading={ban.isPending}>{t("bans.ban")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
