// A customer's own SIP users: made within the channels of the account, which go from one to the other.

import { ActionIcon, Badge, Button, Tooltip } from "@mantine/core";
import { IconArrowsLeftRight } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useAll } from "~/api/nouns";
import { useMay, useSession } from "~/session/SessionProvider";
import { ResourcePage } from "~/ui/ResourcePage";
import { WireText } from "~/ui/WireText";
import { ListField, NumberField, TextField } from "~/ui/fields";
import type { Resource } from "~/ui/resource";
import { UserActs } from "../sip-users/Acts";
import { CapacityBar, ChannelsOf } from "../sip-users/Capacity";
import { MoveDialog } from "./MoveDialog";

type User = Schemas["SipUser"];

const phones: Resource<User> = {
  ns: "phones",
  path: "sip-users",
  nameOf: (u) => u.username,
  columns: [
    { label: "phones.field.username", render: (u) => <WireText>{u.username}</WireText> },
    { label: "phones.registered", render: (u) => <Registered user={u} /> },
    { label: "phones.field.channels", render: (u) => <ChannelsOf user={u} />, right: true },
    { label: "phones.field.allow_from", render: (u) => <WireText tip>{(u.allow_from ?? []).join(", ")}</WireText> },
  ],
  fresh: (customer) => ({ customer_id: customer ?? 0, channels: 1, generate_password: true }),
  Fields,
  rowActions: (u) => <Acts user={u} />,
  secretOf: (u) => (u.password ? [{ label: u.username, value: u.password }] : undefined),
};

function Fields({ creating }: { creating: boolean }) {
  return (
    <>
      <TextField name="username" required autoFocus mono placeholder="1001" disabled={!creating} />
      <NumberField name="channels" min={1} empty />
      <ListField name="allow_from" mono placeholder="198.51.100.0/28" />
    </>
  );
}

/** From where the user's phones are registered. */
function Registered({ user }: { user: User }) {
  const { t } = useTranslation();
  const bindings = useAll<Schemas["Binding"]>("bindings", { customer: user.customer_id }, { every: 10_000 });
  const mine = useMemo(() => bindings.data?.filter((b) => b.user === user.username) ?? [], [bindings.data, user]);
  if (!bindings.data) return null;
  if (mine.length === 0) return <Badge color="gray">{t("phones.not_registered")}</Badge>;
  return (
    <>
      <Badge color="green" mr={8}>{t("phones.on")}</Badge>
      <WireText tip>{mine.map((b) => [b.source, b.user_agent].filter(Boolean).join(" ")).join(", ")}</WireText>
    </>
  );
}

function Acts({ user }: { user: User }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const [moving, setMoving] = useState(false);
  const label = t("phones.move_of", { name: user.username });
  return (
    <>
      {write && (
        <Tooltip label={label}>
          <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={label} onClick={() => setMoving(true)}>
            <IconArrowsLeftRight size={16} />
          </ActionIcon>
        </Tooltip>
      )}
      <UserActs user={user} />
      {moving && <MoveDialog from={user} onClose={() => setMoving(false)} />}
    </>
  );
}

export default function Phones() {
  const { t } = useTranslation();
  const { customer_id: own } = useSession();
  const more = (
    <Button component="a" href="#/account" variant="default">
      {t("phones.more_channels")}
    </Button>
  );
  return <ResourcePage resource={{ ...phones, pageActions: more, above: own !== undefined && <CapacityBar customer={own} /> }} />;
}
