// Moves channels from one user to another: taken first, so that the account always has room for them.

import { Alert, Button, Group, Modal, NumberInput, Select, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useAll } from "~/api/nouns";
import { asProblem, sentence } from "~/api/problem";
import { say } from "~/ui/notice";
import { takes } from "../sip-users/capacity";
import { useCapacity, useProfiles } from "../sip-users/Capacity";

type User = Schemas["SipUser"];

export function MoveDialog({ from, onClose }: { from: User; onClose: () => void }) {
  const { t } = useTranslation();
  const { limit } = useCapacity(from.customer_id);
  const profiles = useProfiles(from.customer_id);
  const users = useAll<User>("sip-users", { customer: from.customer_id });
  const [to, setTo] = useState<string | null>(null);
  const [count, setCount] = useState<number | string>(1);
  const has = takes(from, profiles, limit);
  const target = users.data?.find((u) => String(u.id) === to);
  const move = useMutation({
    mutationFn: async () => target && moveChannels(from, has, target, takes(target, profiles, limit), Number(count)),
    onSuccess: async () => {
      await refresh("sip-users", "audit");
      void say(t("phones.moved", { count: Number(count) }));
      onClose();
    },
    onError: () => refresh("sip-users"),
  });
  const most = has - 1; // 0 is the profile's or no limit, and not none
  const problem = move.error ? asProblem(move.error) : undefined;
  return (
    <Modal opened onClose={onClose} title={t("phones.move_of", { name: from.username })} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="sm">
        <Text size="sm">{most > 0 ? t("phones.move_text", { name: from.username, count: has }) : t("phones.move_none", { name: from.username })}</Text>
        {most > 0 && (
          <>
            <NumberInput label={t("phones.how_many")} value={count} onChange={setCount} min={1} max={most} allowDecimal={false} maw={160} />
            <Select label={t("phones.move_to")} value={to} onChange={setTo} searchable placeholder={t("ui.choose")} nothingFoundMessage={t("ui.nothing")}
              data={(users.data ?? []).filter((u) => u.id !== from.id).map((u) => ({ value: String(u.id), label: u.username }))} />
          </>
        )}
        {problem && <Alert color="red" py="xs">{problem.faults[0] ? sentence(problem.faults[0]) : problem.message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
          <Button loading={move.isPending} disabled={!target || !(Number(count) >= 1 && Number(count) <= most)} onClick={() => move.mutate()}>{t("phones.move")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** Where the second step fails the first is taken back. */
async function moveChannels(from: User, has: number, to: User, had: number, count: number): Promise<void> {
  await call("PATCH", `/sip-users/${from.id}`, { body: { channels: has - count } });
  try {
    await call("PATCH", `/sip-users/${to.id}`, { body: { channels: had + count } });
  } catch (error) {
    await call("PATCH", `/sip-users/${from.id}`, { body: { channels: from.channels } });
    throw error;
  }
}
