import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { IconDeviceTv } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { call } from "~/api/client";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed } from "~/frame/States";
import { useMay, useSession } from "~/session/SessionProvider";
import { CopyOnce } from "~/ui/CopyOnce";
import { Page } from "~/ui/Page";
import { hrefOf } from "~/url";
import { Board } from "./Board";

export default function OverviewPage() {
  const { t } = useTranslation();
  const { admin } = useMay();
  const customer = useCustomer();
  const [making, setMaking] = useState(false);
  return (
    <Page title={t("overview.title")} actions={admin && (
      <Button variant="default" leftSection={<IconDeviceTv size={16} />} onClick={() => setMaking(true)}>{t("overview.wall")}</Button>
    )}>
      <Board customer={customer} />
      {making && <MakeWall onClose={() => setMaking(false)} />}
    </Page>
  );
}

/** A link for a screen on a wall: an API key that reads what the board shows, and nothing else. */
function MakeWall({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const session = useSession();
  const customer = useCustomer();
  const [name, setName] = useState(t("overview.wall"));
  const make = useMutation({
    mutationFn: async () => {
      const scope = customer ? { role: "customer", customer_id: customer } : session.role === "company" ? { role: "company", company_id: session.company_id } : { role: "platform" };
      return (await call<{ key: string }>("POST", "/api-keys", { body: { name, access: "read-only", only: "wall", ...scope } })).body.key;
    },
    onSuccess: () => refresh("api-keys"),
  });
  if (make.data) return <CopyOnce title={t("overview.wall_made")} secrets={[{ label: t("overview.wall_link"), value: `${location.origin}/#/wall/${make.data}` }]} onClose={onClose} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={t("overview.wall_make")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{t(customer ? "overview.wall_text_customer" : "overview.wall_text")} <a className="tg-link" href={hrefOf("/keys")}>{t("menu.keys")}</a>.</Text>
          <TextInput label={t("overview.wall_name")} description={t("overview.wall_name_help")} value={name} onChange={(e) => setName(e.currentTarget.value)} required data-autofocus />
          {make.isError && <Failed error={make.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("ui.cancel")}</Button>
            <Button type="submit" loading={make.isPending} disabled={!name.trim()}>{t("overview.wall_make")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
