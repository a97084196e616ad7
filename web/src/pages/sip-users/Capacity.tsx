// How much of the account's channels the SIP users have, and how much of it is in use now.

import { Group, Progress, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { readAll, useItem } from "~/api/nouns";
import { taken, takes } from "./capacity";

type User = Schemas["SipUser"];

const every = 5_000; // ms

const mostRead = 5_000; // users; a customer with more is shown without the sum

/** The sum of a customer's channels: limit 0 is no limit, sum undefined where it is not known. */
export function useCapacity(customer: number | undefined) {
  const owner = useItem<Schemas["Customer"]>("customers", customer, { every });
  const profiles = useProfiles(customer);
  const users = useQuery({
    queryKey: ["noun", "sip-users", "all", customer],
    queryFn: ({ signal }) => readAll<User>("sip-users", { customer }, signal, mostRead),
    enabled: customer !== undefined,
  });
  const limit = owner.data?.body.call_limit ?? 0;
  const sum = useMemo(() => (users.data ? taken(users.data, profiles, limit) : undefined), [users.data, profiles, limit]);
  return { limit, sum, count: users.data?.length, use: owner.data?.body.use };
}

/** The profiles of a customer's users; undefined: of all that one sees. */
export function useProfiles(customer?: number): Map<number, Schemas["SIPProfile"]> {
  const list = useQuery({
    queryKey: ["noun", "sip-profiles", "all", customer],
    queryFn: ({ signal }) => readAll<Schemas["SIPProfile"]>("sip-profiles", { customer }, signal),
  });
  return useMemo(() => new Map(list.data?.map((p) => [p.id, p])), [list.data]);
}

/** Two bars: what is given to users, and what calls use now, both of the account's channels. */
export function CapacityBar({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const { limit, sum, use } = useCapacity(customer);
  if (!use) return null;
  const { calls } = use;
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
  const profiles = useProfiles(user.customer_id);
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
