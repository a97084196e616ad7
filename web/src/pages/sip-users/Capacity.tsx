// How much of the account's channels the SIP users have, and how much of it is in use now.

import { Group, Progress, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { taken, takes } from "./capacity";

type User = Schemas["SipUser"];

const mostRead = 5_000; // users; a customer with more is shown without the sum

async function usersOf(customer: number, signal: AbortSignal): Promise<User[] | null> {
  const users: User[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const { body }: { body: Schemas["PageSipUser"] } = await call("GET", "/sip-users", { query: { customer, limit: 1000, cursor }, signal });
    users.push(...body.items);
    cursor = body.next || undefined;
    if (cursor && users.length >= mostRead) return null;
  }
  return users;
}

/** The sum of a customer's channels: limit 0 is no limit, sum undefined where it is not known. */
export function useCapacity(customer: number | undefined) {
  const owner = useItem<Schemas["Customer"]>("customers", customer);
  const profiles = useProfiles();
  const users = useQuery({
    queryKey: ["noun", "sip-users", "all", customer],
    queryFn: ({ signal }) => usersOf(customer as number, signal),
    enabled: customer !== undefined,
  });
  const limit = owner.data?.body.call_limit ?? 0;
  const sum = useMemo(() => (users.data ? taken(users.data, profiles, limit) : undefined), [users.data, profiles, limit]);
  return { limit, sum, count: users.data?.length, ready: owner.isSuccess };
}

export function useProfiles(): Map<number, Schemas["SIPProfile"]> {
  const list = useItems<Schemas["SIPProfile"]>("sip-profiles", { limit: 1000 });
  return useMemo(() => new Map(list.data?.map((p) => [p.id, p])), [list.data]);
}

/** Two bars: what is given to users, and what calls use now, both of the account's channels. */
export function CapacityBar({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const { limit, sum, ready } = useCapacity(customer);
  const uses = useItems<Schemas["LimitUse"]>("limits", { customer, limit: 1000 }, { every: 5_000 });
  const calls = uses.data?.find((u) => u.scope === "customer" && u.id === customer)?.calls ?? 0;
  if (!ready) return null;
  if (limit === 0) return <Text size="sm" c="dimmed" mb="sm">{t("sip-users.no_limit", { calls })}</Text>;
  return (
    <Group mb="sm" gap="xl">
      {sum !== undefined && <Bar label={t("sip-users.given")} value={sum} limit={limit} note={sum >= limit ? t("sip-users.none_left") : t("sip-users.left", { count: limit - sum })} />}
      <Bar label={t("sip-users.in_use")} value={calls} limit={limit} />
    </Group>
  );
}

function Bar({ label, value, limit, note }: { label: string; value: number; limit: number; note?: string }) {
  const share = Math.min(100, (value / limit) * 100);
  return (
    <div style={{ width: 300 }}>
      <Group justify="space-between" mb={3} gap="xs">
        <Text size="sm">{label}</Text>
        <Text size="sm"><strong>{value}</strong> / {limit}{note && <Text span size="sm" c="dimmed">, {note}</Text>}</Text>
      </Group>
      <Progress value={share} aria-label={`${label}: ${value} / ${limit}`} color={share >= 100 ? "red" : share >= 80 ? "yellow" : "petrol"} />
    </div>
  );
}

/** What one user takes; by whom it is said where it is not his own. */
export function ChannelsOf({ user }: { user: User }) {
  const { t } = useTranslation();
  const profiles = useProfiles();
  const own = user.channels !== null;
  const n = takes(user, profiles, 0);
  const profile = profiles.get(user.profile_id ?? 0);
  if (own) return <>{n || t("ui.unlimited")}</>;
  return (
    <Text span size="sm" c="dimmed">
      {profile && n ? t("sip-users.from_profile", { channels: n }) : t("sip-users.default")}
    </Text>
  );
}
