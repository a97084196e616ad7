// Puts an address on a customer's whitelist, and lifts the ban that stands for it. texts: "whitelist"

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
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
import { RefField, TextField } from "~/ui/fields";
import { lift } from "./lift";

export function WhitelistDialog({ address, customer, banId, onClose }: { address: string; customer?: number; banId?: string; onClose: () => void }) {
  const { t } = useTranslation();
  const filtered = useCustomer();
  const { staff } = useMay();
  const [draft, setDraft] = useState<Draft>({ cidr: address, customer_id: customer ?? filtered ?? 0 });
  const add = useMutation({
    mutationFn: async () => {
      await call("POST", "/whitelist", { body: draft });
      if (banId) await lift(banId);
    },
    onSuccess: async () => {
      await refresh("whitelist", "bans", "strangers", "audit");
      void say(t("whitelist.added", { address: String(draft.cidr) }));
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={t("whitelist.add")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Text size="sm">{t(banId ? "whitelist.and_lift" : "whitelist.what")}</Text>
          <Form ns="whitelist" draft={draft} onChange={setDraft} problem={add.error ? asProblem(add.error) : undefined}>
            <TextField name="cidr" required mono />
            {staff && <RefField name="customer_id" path="customers" required />}
          </Form>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" loading={add.isPending}>{t("whitelist.add")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
