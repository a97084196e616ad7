// Asks the company for more channels. texts: "account"

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { call } from "~/api/client";
import { asProblem } from "~/api/problem";
import { Form } from "~/ui/Form";
import { type Draft } from "~/ui/draft";
import { LongTextField, NumberField } from "~/ui/fields";
import { say } from "~/ui/notice";

export function AskDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<Draft>({ text: "" });
  const ask = useMutation({
    mutationFn: () => call("POST", "/me/requests", { body: draft }),
    onSuccess: async () => {
      await refresh("requests");
      void say(t("account.sent"));
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={t("account.ask")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <Text size="sm">{t("account.ask_text")}</Text>
          <Form ns="account" draft={draft} onChange={setDraft} problem={ask.error ? asProblem(ask.error) : undefined}>
            <NumberField name="channels" required min={1} empty />
            <LongTextField name="text" />
          </Form>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" loading={ask.isPending} disabled={!draft.channels}>{t("account.send")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
